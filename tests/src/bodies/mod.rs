//! One body per parser of bytes that strangers write, with what it starts from.

mod archive;
mod capture;
mod log;
mod messages;
mod monitor;
mod secrets;

use rdpwhy_fixtures::seed::Seed;

use crate::damage::damaged;

/// A body and its seeds.
#[derive(Clone, Copy)]
pub struct Target {
    /// Name of the fuzz target, and of the folder of its regressions.
    pub name: &'static str,
    /// Returns if all is well, whatever the bytes.
    pub body: fn(&[u8]),
    /// What to start from.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "evtx",
        body: log::evtx,
        seeds: log::evtx_seeds,
    },
    Target {
        name: "evtx_two_ways",
        body: log::evtx_two_ways,
        seeds: log::evtx_seeds,
    },
    Target {
        name: "evtx_chunk",
        body: log::evtx_chunk,
        seeds: log::evtx_chunk_seeds,
    },
    Target {
        name: "export_xml",
        body: log::xml,
        seeds: log::xml_seeds,
    },
    Target {
        name: "export_json",
        body: log::json,
        seeds: log::json_seeds,
    },
    Target {
        name: "export_csv",
        body: log::csv,
        seeds: log::csv_seeds,
    },
    Target {
        name: "monitor",
        body: monitor::monitor,
        seeds: monitor::seeds,
    },
    Target {
        name: "archive",
        body: archive::archive,
        seeds: archive::seeds,
    },
    Target {
        name: "capture",
        body: capture::file,
        seeds: capture::file_seeds,
    },
    Target {
        name: "link",
        body: capture::link,
        seeds: capture::link_seeds,
    },
    Target {
        name: "flow",
        body: capture::flow,
        seeds: capture::flow_seeds,
    },
    Target {
        name: "decryption",
        body: capture::decryption,
        seeds: capture::decryption_seeds,
    },
    Target {
        name: "tls",
        body: messages::tls,
        seeds: messages::tls_seeds,
    },
    Target {
        name: "x509",
        body: messages::x509,
        seeds: messages::x509_seeds,
    },
    Target {
        name: "x224_mcs_gcc",
        body: messages::x224_mcs_gcc,
        seeds: messages::x224_seeds,
    },
    Target {
        name: "credssp",
        body: messages::credssp,
        seeds: messages::credssp_seeds,
    },
    Target {
        name: "rdpeudp",
        body: messages::rdpeudp,
        seeds: messages::rdpeudp_seeds,
    },
    Target {
        name: "key_log",
        body: secrets::key_log,
        seeds: secrets::key_log_seeds,
    },
    Target {
        name: "knowledge",
        body: secrets::knowledge,
        seeds: secrets::knowledge_seeds,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}

/// The body of a target; what the fuzz targets call.
pub fn run(name: &str, bytes: &[u8]) {
    let target = target(name).expect("the name of a target");
    (target.body)(bytes);
}

impl Target {
    /// The `n`-th mutation of this target's seeds, always the same one.
    pub fn mutation(&self, seeds: &[Vec<u8>], n: u64) -> Vec<u8> {
        let mut seed = Seed::of(&format!("{} {n}", self.name));
        let mut bytes = seed.pick(seeds).cloned().unwrap_or_default();
        damaged(&mut bytes, &mut seed);
        bytes
    }
}
