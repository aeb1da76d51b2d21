//! An attempt's own values, for conditions that compare with them.

use rdpwhy_parsers::{EventRef, Field, Value};

use crate::attempt::Attempt;
use crate::knowledge::Others;

/// Values of an attempt that conditions may compare with.
pub const OWN_VALUES: &[&str] = &[
    "client_host",
    "client_ip",
    "client_port",
    "server_ip",
    "server_name",
    "server_port",
    "session_id",
    "target_port",
    "user",
    "user_domain",
];

pub(super) struct Compared<'a> {
    pub a: &'a Attempt,
    pub event: EventRef<'a>,
}

impl Others for Compared<'_> {
    fn own(&self, name: &str) -> Option<String> {
        let a = self.a;
        match name {
            "user" => a.user.clone(),
            "user_domain" => a.user.as_ref()?.split_once('\\').map(|(d, _)| d.to_owned()),
            "client_ip" => a.client.ip.map(|ip| ip.to_string()),
            "client_port" => a.client.port.map(|p| p.to_string()),
            "client_host" => a.client.name.clone(),
            "server_ip" => a.server.ip.map(|ip| ip.to_string()),
            "server_port" | "target_port" => a.server.port.map(|p| p.to_string()),
            "server_name" => a.server.name.clone(),
            "session_id" => a.session.map(|s| s.to_string()),
            _ => None,
        }
    }

    fn field(&self, field: Field) -> Option<Value<'_>> {
        self.event.get(field)
    }
}
