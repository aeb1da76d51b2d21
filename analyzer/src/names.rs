//! The kinds and fields that correlation itself looks at. Everything else is known to data files only.

#![allow(missing_docs, reason = "each constant is the name that its text says")]

use rdpwhy_parsers::{Field, Kind};

macro_rules! kinds {
    ($($name:ident = $text:literal;)*) => { $(pub const $name: Kind = Kind::of($text);)* };
}
macro_rules! fields {
    ($($name:ident = $text:literal;)*) => { $(pub const $name: Field = Field::of($text);)* };
}

/// Facts.
pub mod kind {
    use super::Kind;
    kinds! {
        // the server's RdpCoreTS chain
        ACCEPTED = "connection.accepted";
        CREATED = "connection.created";
        PREPARED = "connection.prepared";
        ASSIGNED = "session.assigned";
        TIMED = "session.timed";
        TERMINATED = "connection.terminated";
        DISCONNECT_REASON = "connection.disconnect-reason";
        CLIENT_LEFT = "client.disconnected-orderly";
        READ_FAILED = "socket.read-failed";
        WRITE_FAILED = "socket.write-failed";
        REFUSED_AT_NLA = "logon.refused-at-nla";
        LISTENER_BOUND = "listener.bound";
        LISTENER_INSPECTED = "listener.inspected";
        LISTENER_DISABLED = "listener.disabled-disconnect";
        TRANSPORT_COMPLETED = "transport.completed";
        SESSION_NOTIFIED = "session.notified";
        // the other logs of a server
        LISTENER_RECEIVED = "listener.received";
        ACCEPTED_FROM = "connection.accepted-from";
        AUTHENTICATED = "logon.authenticated";
        LOGON_SUCCEEDED = "logon.succeeded";
        LOGON_FAILED = "logon.failed";
        LOGON_DENIED = "logon.denied-remote";
        PROFILE_FAILED = "profile.load-failed";
        DESKTOP_CRASHED = "desktop.crashed";
        SESSION_LOGON = "session.logon";
        SESSION_RECONNECTED = "session.reconnected";
        SESSION_LOGOFF = "session.logoff";
        SESSION_DISCONNECTED = "session.disconnected";
        SESSION_DISCONNECTED_BY = "session.disconnected-by";
        SESSION_REASON = "session.disconnect-reason";
        SHELL_STARTED = "shell.started";
        ARBITRATION_STARTED = "arbitration.started";
        ARBITRATION_ENDED = "arbitration.ended";
        // the client's log
        CONNECTING = "client.connecting";
        CLIENT_CONNECTED = "client.connected";
        CLIENT_JOINED = "client.session-joined";
        CLIENT_DISCONNECTED = "client.disconnected";
        GATEWAY_CONNECTED = "gateway.connected";
        GATEWAY_TARGET_UNREACHABLE = "gateway.target-unreachable";
        MULTITRANSPORT_STARTED = "client.multitransport-started";
        // packets
        TCP_OPENED = "tcp.opened";
        TCP_ESTABLISHED = "tcp.established";
        TCP_REFUSED = "tcp.refused";
        TCP_UNANSWERED = "tcp.unanswered";
        TCP_CLOSED = "tcp.closed";
        FLOW_MEASURED = "flow.measured";
        X224_REQUESTED = "x224.requested";
        X224_CONFIRMED = "x224.confirmed";
        NEGOTIATION_FAILED = "negotiation.failed";
        CLIENT_HELLO = "tls.client-hello";
        SERVER_HELLO = "tls.server-hello";
        TLS_COMPLETED = "tls.completed";
        ALERTED = "tls.alerted";
        ERROR_INFO = "error-info.received";
        RDG_REQUESTED = "rdg.requested";
        ANNOUNCED = "disconnect.announced";
        UDP_OPENED = "udp.opened";
        UDP_UNANSWERED = "udp.unanswered";
        X224_UNANSWERED = "x224.unanswered";
        CERTIFICATE = "tls.certificate";
        CERTIFICATE_GENERATED = "certificate.generated";
        SERVICE_CRASHED = "service.crashed";
        // what tells that a log is not whole
        LOG_CLEARED = "log.cleared";
        CLOCK_CHANGED = "clock.changed";
    }
}

/// Values.
pub mod field {
    use super::Field;
    fields! {
        LOST_AT_END = "lost_at_end";
        CLIENT_IP = "client_ip";
        CLIENT_PORT = "client_port";
        CLIENT_HOST = "client_host";
        SERVER_IP = "server_ip";
        SERVER_PORT = "server_port";
        SERVER_NAME = "server_name";
        USER = "user";
        DOMAIN = "domain";
        SESSION_ID = "session_id";
        CONNECTION_NAME = "connection_name";
        LOGON_TYPE = "logon_type";
        TRANSPORT = "transport";
        PORT = "port";
        REASON = "reason";
        ERROR = "error";
        STATUS = "status";
        CODE = "code";
        FLOW = "flow";
        COOKIE = "cookie";
        RANDOM = "random";
        BY = "by";
        HOW = "how";
        FROM = "from";
        FORGED = "forged";
        MIDSTREAM = "midstream";
        ONE_WAY = "one_way";
        UNSEEN_QUIET_MS = "unseen_quiet_ms";
        ISN_CLIENT = "isn_client";
        ISN_SERVER = "isn_server";
        CORRELATION_ID = "correlation_id";
        ANSWER_US = "answer_us";
        NAMED = "named";
        OLD = "old";
        NEW = "new";
        TTL_CLIENT = "ttl_client";
        TTL_SERVER = "ttl_server";
        BYTES_CLIENT = "bytes_client";
        BYTES_SERVER = "bytes_server";
        GAP_BYTES = "gap_bytes";
        SELECTED_PROTOCOL = "selected_protocol";
        TYPE = "type";
        DURATION_MS = "duration_ms";
        IDLE_BEFORE_END_MS = "idle_before_end_ms";
        CHANNEL = "channel";
        NAME = "name";
        FLAGS = "flags";
        PROCESS = "process";
        IP = "ip";
        SERVICE = "service";
        THUMBPRINT = "thumbprint";
        ALERT = "alert";
        RTT_US = "rtt_us";
        ANNOUNCED = "announced";
        REQUESTED_PROTOCOLS = "requested_protocols";
        VERSION = "version";
        VERSIONS = "versions";
        SUITE = "suite";
        EXPIRED = "expired";
        SUBJECT = "subject";
    }
}
