//! One question on one connection: what was sent, what came back, how long each took, and who closed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use rdpwhy_live::probe::question::{is_enough, selects_tls};
use rdpwhy_live::probe::record::{Conversation, Packet, datagram};
use rdpwhy_parsers::Timestamp;

/// An answer longer than this is none.
const LONGEST: usize = 256 << 10;
/// Clients repeat an unanswered request to open after these seconds.
const REPEATED: [i64; 2] = [1, 3];

/// A talk of questions and answers.
pub struct Talk {
    /// The packets that it must have been.
    pub packets: Vec<Packet>,
    /// Milliseconds from the request to open to its answer.
    pub connected: Option<f64>,
    /// Milliseconds from each question to the end of its answer.
    pub answered: Vec<Option<f64>>,
    /// What the system said when it did not connect.
    pub refused: Option<String>,
}

/// Now, by the clock of this machine.
pub fn now() -> Timestamp {
    Timestamp(i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX))
}

fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 10_000.0).round() / 10.0
}

/// Connects, asks the questions one after the other, each when the one before is answered, and closes.
pub fn talk(server: SocketAddr, number: u32, questions: &[Vec<u8>], patience: Duration) -> Talk {
    let (begun, clock) = (now(), Instant::now());
    let at = || begun.plus(i64::try_from(clock.elapsed().as_nanos()).unwrap_or(i64::MAX));
    let nobody = SocketAddr::new(
        if server.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0u16; 8].into()
        },
        u16::try_from(49_152 + number % 16_000).unwrap_or(49_152),
    );
    let mut talk = Talk {
        packets: Vec::new(),
        connected: None,
        answered: Vec::new(),
        refused: None,
    };
    let mut stream = match TcpStream::connect_timeout(&server, patience) {
        Ok(stream) => stream,
        Err(e) => {
            let mut told = Conversation::new(local(server).unwrap_or(nobody), server, number);
            told.asked(begun);
            if e.kind() == ErrorKind::ConnectionRefused {
                told.refused(at());
            } else {
                // The system repeated it, as it does, until patience was over.
                for seconds in REPEATED {
                    let again = begun.plus(seconds * 1_000_000_000);
                    if again < at() {
                        told.asked(again);
                    }
                }
            }
            talk.packets = told.packets;
            talk.refused = Some(e.to_string());
            return talk;
        }
    };
    talk.connected = Some(milliseconds(clock));
    let mut told = Conversation::new(stream.local_addr().unwrap_or(nobody), server, number);
    told.asked(begun);
    told.opened(at());
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    let _ = stream.set_write_timeout(Some(patience));
    let mut over = false;
    for question in questions {
        let asked = Instant::now();
        told.said(at(), true, question);
        if let Err(e) = stream.write_all(question) {
            told.closed(at(), false, e.kind() == ErrorKind::ConnectionReset);
            over = true;
        }
        let mut answer = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        while !over && !is_enough(&answer) && asked.elapsed() < patience && answer.len() < LONGEST {
            match stream.read(&mut buffer) {
                Ok(0) => {
                    told.closed(at(), false, false);
                    over = true;
                }
                Ok(n) => {
                    let piece = buffer.get(..n).unwrap_or_default();
                    told.said(at(), false, piece);
                    answer.extend(piece);
                }
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(e) => {
                    told.closed(at(), false, e.kind() == ErrorKind::ConnectionReset);
                    over = true;
                }
            }
        }
        talk.answered
            .push(is_enough(&answer).then(|| milliseconds(asked)));
        // A client begins TLS only where it was selected.
        if over || !selects_tls(&answer) {
            break;
        }
    }
    if !over {
        told.closed(at(), true, false);
        let _ = stream.shutdown(Shutdown::Both);
    }
    talk.packets = told.packets;
    talk
}

/// The address that this machine reaches the server from.
fn local(server: SocketAddr) -> Option<SocketAddr> {
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(server).ok()?; // sends nothing
    socket.local_addr().ok()
}

/// Sends a datagram, three times at most, and waits for any answer: the packets, and milliseconds to the answer.
pub fn datagrams(server: SocketAddr, question: &[u8]) -> (Vec<Packet>, Option<f64>) {
    let any: SocketAddr = if server.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0u16; 8], 0).into()
    };
    let mut packets = Vec::new();
    let Ok(socket) = UdpSocket::bind(any) else {
        return (packets, None);
    };
    if socket.connect(server).is_err() {
        return (packets, None);
    }
    let client = socket.local_addr().unwrap_or(any);
    let _ = socket.set_read_timeout(Some(Duration::from_millis(700)));
    let clock = Instant::now();
    for _ in 0..3 {
        packets.push(datagram(now(), client, server, question));
        if socket.send(question).is_err() {
            continue;
        }
        let mut answer = vec![0; 2048];
        if let Ok(n) = socket.recv(&mut answer) {
            answer.truncate(n);
            packets.push(datagram(now(), server, client, &answer));
            return (packets, Some(milliseconds(clock)));
        }
    }
    (packets, None)
}
