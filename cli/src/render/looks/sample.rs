//! Reports made by hand, with everything a report can hold.

use rdpwhy_analyzer::identities::Identities;
use rdpwhy_analyzer::report::{
    Alternative, AttemptReport, Clock, Coverage, DefectReport, Endpoint, Evidence, GapReport,
    Missing, Remedy, Report, Sign, SourceReport, Step, Summary, Tool, VerdictReport,
};

fn source(id: u32, path: &str, format: &str, host: Option<&str>, bytes: u64) -> SourceReport {
    SourceReport {
        id,
        path: path.to_owned(),
        format: format.to_owned(),
        host: host.map(str::to_owned),
        side: None,
        sha256: None,
        bytes,
        records: 90_000,
        events: 500,
        first: Some("2026-11-20T00:00:01.000Z".to_owned()),
        last: Some("2026-11-21T08:20:00.000Z".to_owned()),
        defects: Vec::new(),
    }
}

fn sources() -> Vec<SourceReport> {
    let core = "case-114/RDS07/Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx";
    let mut broken = source(
        4,
        "case-114/RDS09/Security.evtx",
        "evtx",
        Some("RDS09.corp.example"),
        20 << 20,
    );
    broken.defects.push(DefectReport {
        at: "chunk 17".to_owned(),
        what: "checksum of the records does not match".to_owned(),
        lost: 12,
    });
    vec![
        source(0, core, "evtx", Some("RDS07.corp.example"), 1 << 20),
        source(
            1,
            "case-114/RDS07/System.evtx",
            "evtx",
            Some("RDS07.corp.example"),
            20 << 20,
        ),
        source(
            2,
            "case-114/RDS07/Security.evtx",
            "evtx",
            Some("RDS07.corp.example"),
            571 << 20,
        ),
        source(3, "case-114/core-switch.pcapng", "pcapng", None, 88 << 20),
        broken,
    ]
}

fn sign(source: u32, at: &str, time: &str, says: &str) -> Sign {
    Sign {
        source,
        at: at.to_owned(),
        event: None,
        time: time.to_owned(),
        says: says.to_owned(),
    }
}

fn step(stage: &'static str, how: &'static str, after_ms: Option<f64>, signs: Vec<Sign>) -> Step {
    Step {
        stage,
        state: how,
        after_ms,
        brief: None,
        signs,
    }
}

fn attempt(n: u32, outcome: &'static str) -> AttemptReport {
    let at = "2026-11-21T08:14:03.118Z";
    AttemptReport {
        id: format!("a-{n:012x}"),
        part_of: None,
        count: 1,
        client: Endpoint {
            ip: Some(format!("10.2.8.{n}")),
            port: Some(50_122),
            host: Some("WS-0417".to_owned()),
        },
        server: Endpoint {
            ip: Some("10.2.1.7".to_owned()),
            port: Some(3389),
            host: None,
        },
        user: Some("CORP\\ana".to_owned()),
        started: at.to_owned(),
        ended: Some("2026-11-21T08:14:03.131Z".to_owned()),
        outcome,
        stage: "tls",
        closed_by: "server",
        closed_how: "fin",
        codes: [("disconnect_reason", 2308), ("extended_reason", 7)].into(),
        verdict: None,
        steps: vec![
            step(
                "tcp",
                "passed",
                Some(0.0),
                vec![sign(
                    3,
                    "packet 1201",
                    at,
                    "the client asked for a connection",
                )],
            ),
            step(
                "x224",
                "passed",
                Some(3.1),
                vec![
                    sign(
                        3,
                        "packet 1204",
                        at,
                        "the client offers TLS, CredSSP and CredSSP with early authorization",
                    ),
                    sign(3, "packet 1205", at, "the server chose HYBRID_EX"),
                    sign(
                        0,
                        "record 4401",
                        at,
                        "the server took the connection from 10.2.8.41:50122",
                    ),
                    sign(0, "record 4402", at, "the server prepared for it"),
                ],
            ),
            step(
                "tls",
                "broke",
                Some(9.8),
                vec![
                    sign(3, "packet 1206", at, "ClientHello for TLS 1.2 and 1.3"),
                    sign(
                        3,
                        "packet 1207",
                        at,
                        "the server closed with FIN before any TLS byte",
                    ),
                ],
            ),
            step("credssp", "not-reached", None, Vec::new()),
            step("authorization", "not-reached", None, Vec::new()),
            step("mcs", "not-reached", None, Vec::new()),
            step("licensing", "not-reached", None, Vec::new()),
            step("activation", "not-reached", None, Vec::new()),
            step("session", "not-reached", None, Vec::new()),
        ],
    }
}

fn evidence(
    source: u32,
    at: &str,
    role: &'static str,
    origin: &str,
    says: &str,
    times: u64,
) -> Evidence {
    Evidence {
        source,
        at: at.to_owned(),
        time: "2026-11-21T08:14:03.127Z".to_owned(),
        raw_time: None,
        says: says.to_owned(),
        role,
        origin: origin.to_owned(),
        event: None,
        times,
    }
}

fn key_access() -> VerdictReport {
    VerdictReport {
        id: "v-8c20a1774e91".to_owned(),
        severity: "failure",
        cause: Some("private-key-access-denied".to_owned()),
        title: "The RDP service cannot open the private key of its certificate".to_owned(),
        confidence: Some("certain"),
        host: Some("RDS07.corp.example".to_owned()),
        first: Some("2026-11-21T00:00:12.500Z".to_owned()),
        last: Some("2026-11-21T08:14:03.118Z".to_owned()),
        attempts: (41..59).map(|n| format!("a-{n:012x}")).collect(),
        clients: 17,
        tries: 18,
        summary: "The service that answers on port 3389 runs as NETWORK SERVICE and may not read the key that belongs \
                  to its certificate. It closes each connection before the first byte of TLS, so nobody gets as far \
                  as a password."
            .to_owned(),
        example: Some("a-000000000029".to_owned()),
        mstsc: Some("0x904 / 0x7".to_owned()),
        evidence: vec![
            Evidence {
                raw_time: Some("2026-11-21T08:14:05.437Z".to_owned()),
                ..evidence(
                    1,
                    "record 90211",
                    "decisive",
                    "RDS07 System",
                    "Schannel has no access to the server's key: error 0x8009030d, state 10001",
                    18,
                )
            },
            evidence(
                1,
                "record 90102",
                "supporting",
                "RDS07 System",
                "the expired certificate could not be replaced: access denied",
                1,
            ),
        ],
        alternatives: vec![
            Alternative {
                cause: "no-shared-cipher-suite".to_owned(),
                title: "Client and server share no cipher suite".to_owned(),
                confidence: None,
                why_not: "System of RDS07 was recording and has no event 36874".to_owned(),
            },
            Alternative {
                cause: "middlebox-resets-tls".to_owned(),
                title: "A device on the way cuts TLS off".to_owned(),
                confidence: None,
                why_not: "the FIN carries the server's own TTL of 128".to_owned(),
            },
        ],
        missing: Vec::new(),
        changes: vec![
            sign(1, "record 90077", "2026-11-20T23:41:10.020Z", "a security policy was applied (GroupPolicy 1502)"),
            sign(1, "record 90012", "2026-11-20T23:02:44.000Z", "TermService was restarted"),
        ],
        last_good: Some("2026-11-20T22:58:31.000Z".to_owned()),
        remedy: Some(Remedy {
            host: Some("RDS07.corp.example".to_owned()),
            summary: "give NETWORK SERVICE read access to the key again, then let the service load it".to_owned(),
            run_on: "server".to_owned(),
            commands: vec![
                "icacls \"C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_*\" \
                 /grant \"NETWORK SERVICE:R\""
                    .to_owned(),
                "Restart-Service TermService -Force".to_owned(),
            ],
            risk: "the second command drops the sessions that are open".to_owned(),
            undo: Some("icacls … /remove:g \"NETWORK SERVICE\"".to_owned()),
            verify: "a new connection gets a ServerHello, and no new event 36870 appears in System".to_owned(),
        }),
    }
}

fn inconclusive() -> VerdictReport {
    VerdictReport {
        id: "v-000000000002".to_owned(),
        severity: "failure",
        cause: None,
        title: "2 connections to 10.2.1.9 ended after the X.224 request, and nothing here says why".to_owned(),
        confidence: None,
        host: Some("10.2.1.9".to_owned()),
        first: Some("2026-11-21T07:58:00.000Z".to_owned()),
        last: Some("2026-11-21T08:03:00.000Z".to_owned()),
        attempts: vec!["a-000000000060".to_owned(), "a-000000000061".to_owned()],
        clients: 1,
        tries: 2,
        summary: String::new(),
        example: None,
        mstsc: None,
        evidence: vec![evidence(
            3,
            "packet 88012",
            "supporting",
            "capture",
            "the server closed after the X.224 request",
            2,
        )],
        alternatives: vec![Alternative {
            cause: "listener-hung".to_owned(),
            title: "The listener no longer answers".to_owned(),
            confidence: Some("possible"),
            why_not: "needs an error of TermService, and System of 10.2.1.9 is not here".to_owned(),
        }],
        missing: vec![Missing {
            what: "System of 10.2.1.9 for 2026-11-21 07:58 – 08:03 UTC".to_owned(),
            would_decide: vec!["listener-hung".to_owned(), "private-key-access-denied".to_owned()],
            command: Some(
                "wevtutil epl System System.evtx \"/q:*[System[TimeCreated[@SystemTime>='2026-11-21T07:58:00Z' and \
                 @SystemTime<='2026-11-21T08:03:00Z']]]\""
                    .to_owned(),
            ),
        }],
        changes: Vec::new(),
        last_good: None,
        remedy: None,
    }
}

fn small(n: u32, severity: &'static str, cause: &str, title: &str) -> VerdictReport {
    VerdictReport {
        id: format!("v-{n:012x}"),
        severity,
        cause: Some(cause.to_owned()),
        title: title.to_owned(),
        confidence: Some("likely"),
        evidence: Vec::new(),
        alternatives: Vec::new(),
        missing: Vec::new(),
        clients: 3,
        tries: 1904,
        ..inconclusive()
    }
}

/// A case with two verdicts in full, more in short, remarks, defects, gaps and a clock that is wrong.
pub fn case() -> Report {
    Report {
        reasoning: None,
        identities: Identities::default(),
        schema: "rdpwhy.report/1",
        tool: Tool {
            name: "rdpwhy",
            version: "0.1.0",
        },
        sources: sources(),
        coverage: vec![Coverage {
            host: "RDS09.corp.example".to_owned(),
            channel: "Security".to_owned(),
            first: "2026-11-20T00:00:01.000Z".to_owned(),
            last: "2026-11-21T08:20:00.000Z".to_owned(),
            gaps: vec![GapReport {
                from: "2026-11-21T03:00:00.000Z".to_owned(),
                to: "2026-11-21T05:12:00.000Z".to_owned(),
                why: "log-cleared",
            }],
        }],
        clocks: vec![
            Clock {
                source: 0,
                offset_ms: 2310,
                basis: "14 connections seen in both".to_owned(),
            },
            Clock {
                source: 1,
                offset_ms: 2310,
                basis: "14 connections seen in both".to_owned(),
            },
            Clock {
                source: 3,
                offset_ms: 0,
                basis: "reference".to_owned(),
            },
        ],
        attempts: (41..59)
            .map(|n| attempt(n, "failed"))
            .chain([attempt(77, "ok")])
            .collect(),
        verdicts: vec![
            key_access(),
            inconclusive(),
            small(
                3,
                "failure",
                "idle-session-limit",
                "Idle sessions are ended after 15 minutes by policy",
            ),
            small(
                4,
                "failure",
                "vpn-flapping",
                "The client's VPN went down below its session",
            ),
            small(
                5,
                "remark",
                "wrong-credentials",
                "3 sources guess passwords",
            ),
        ],
        summary: Summary {
            attempts: 240,
            tries: 2141,
            ok: 212,
            failed: 22,
            dropped: 3,
            cancelled: 2,
            unknown: 1,
            ..Summary::default()
        },
    }
}

/// Nothing failed.
pub fn healthy() -> Report {
    Report {
        reasoning: None,
        verdicts: Vec::new(),
        clocks: Vec::new(),
        coverage: Vec::new(),
        attempts: vec![attempt(77, "ok")],
        sources: sources().into_iter().take(3).collect(),
        summary: Summary {
            attempts: 1,
            tries: 1,
            ok: 1,
            ..Summary::default()
        },
        ..case()
    }
}

/// Logs without a connection in them.
pub fn quiet() -> Report {
    Report {
        reasoning: None,
        attempts: Vec::new(),
        coverage: case().coverage,
        summary: Summary::default(),
        ..healthy()
    }
}
