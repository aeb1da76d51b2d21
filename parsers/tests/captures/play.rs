//! Connections played for the tests, and the files made of them.

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::tls::{self, Version};
use rdpwhy_fixtures::wire::{Capture, Certificate, Conversation, Endpoint, Frame, Side, x224};
use rdpwhy_parsers::EventBatch;
use rdpwhy_parsers::pcap::Reader;

use super::flows::{Flow, flows};

pub const START: Time = Time(1_790_000_000_000_000_000);

/// A connection and the source of its random bytes.
pub struct Play {
    pub tcp: Conversation,
    pub seed: Seed,
    pub version: Version,
}

fn endpoint(last: u8, port: u16, ttl: u8) -> Endpoint {
    Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: [10, 0, 0, last].into(),
        port,
        ttl,
        mss: 1460,
    }
}

impl Play {
    pub fn new(version: Version, server_port: u16) -> Self {
        let mut seed = Seed::of("captures");
        let (client, server) = (endpoint(5, 50_123, 127), endpoint(9, server_port, 128));
        let tcp = Conversation::new(client, server, START, Span::millis(20), &mut seed);
        Self { tcp, seed, version }
    }

    /// A server on the usual port, opened.
    pub fn opened(version: Version) -> Self {
        let mut play = Self::new(version, 3389);
        play.tcp.open();
        play
    }

    pub fn request(&mut self, protocols: u32) -> &mut Self {
        self.tcp.send(
            Side::Client,
            &x224::request(Some("ana"), Some(protocols), 0),
        );
        self
    }

    pub fn confirm(&mut self, protocol: u32) -> &mut Self {
        self.tcp.send(Side::Server, &x224::confirm(protocol, 0x1f));
        self
    }

    pub fn client_hello(&mut self) -> &mut Self {
        let hello =
            tls::ClientHello::of_mstsc(self.version, "srv.example").to_record(&mut self.seed);
        self.tcp.send(Side::Client, &hello);
        self
    }

    pub fn server_flight(&mut self) -> &mut Self {
        let suite = if self.version == Version::Tls13 {
            0x1302
        } else {
            0xc030
        };
        let certificate = Certificate::self_signed("srv.example", Time(0), Time(START.0 - 1));
        let mut flight = tls::server_flight(self.version, suite, &[certificate], &mut self.seed);
        if self.version == Version::Tls13 {
            // Encrypted extensions, certificate, verify, Finished.
            flight.extend(tls::application_data(self.version, 1200, &mut self.seed));
        }
        self.tcp.send(Side::Server, &flight);
        self
    }

    pub fn finished(&mut self) -> &mut Self {
        let client = tls::client_finish(self.version, &mut self.seed);
        self.tcp.send(Side::Client, &client);
        let server = tls::server_finish(self.version, &mut self.seed);
        if !server.is_empty() {
            self.tcp.send(Side::Server, &server);
        }
        self
    }

    /// A protected record of so much plaintext.
    pub fn data(&mut self, from: Side, plain: usize) -> &mut Self {
        let record = tls::application_data(self.version, plain, &mut self.seed);
        self.tcp.send(from, &record);
        self
    }

    pub fn client(&mut self, plain: usize) -> &mut Self {
        self.data(Side::Client, plain)
    }

    pub fn server(&mut self, plain: usize) -> &mut Self {
        self.data(Side::Server, plain)
    }

    /// X.224 and TLS up to Finished.
    pub fn secured(&mut self, protocol: u32) -> &mut Self {
        self.request(0x0b)
            .confirm(protocol)
            .client_hello()
            .server_flight()
            .finished()
    }

    /// CredSSP with NTLM: three messages of the client, two of the server.
    pub fn authenticated(&mut self) -> &mut Self {
        self.client(57)
            .server(295)
            .client(690)
            .server(90)
            .client(100)
    }

    /// From MCS Connect Initial to data behind Font Map.
    pub fn session(&mut self) -> &mut Self {
        self.client(460).server(110).client(12).client(8).server(11);
        for _ in 0..4 {
            self.client(12).server(15);
        }
        self.client(350)
            .server(34)
            .server(420)
            .client(480)
            .client(36)
            .client(40);
        self.server(36).server(40).server(40).server(40);
        self.server(900).client(26).server(1200)
    }

    pub fn goodbye(&mut self, from: Side) -> &mut Self {
        let alert = tls::encrypted_alert(self.version, &mut self.seed);
        self.tcp.send(from, &alert);
        self
    }

    pub fn frames(self) -> Vec<Frame> {
        self.tcp.into_frames()
    }

    /// The only connection that its capture tells.
    pub fn told(self) -> Flow {
        let all = flows(&read(
            &Capture {
                frames: self.frames(),
                secrets: None,
            }
            .to_pcap(),
        ));
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    }
}

pub fn read(file: &[u8]) -> EventBatch {
    rdpwhy_parsers::pcap::read(&file.to_vec(), None)
}

/// The same, in pieces of this size.
pub fn read_split(file: &[u8], piece: usize) -> EventBatch {
    let mut reader = Reader::new(None);
    for part in file.chunks(piece) {
        reader.push(part);
    }
    reader.finish()
}

/// A healthy session over NLA that the user ends.
pub fn healthy() -> Play {
    let mut play = Play::opened(Version::Tls12);
    play.secured(8)
        .authenticated()
        .server(4)
        .session()
        .goodbye(Side::Client);
    play.tcp.close(Side::Client);
    play
}
