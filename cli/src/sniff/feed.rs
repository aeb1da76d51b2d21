//! Where packets come from: each source is read by a thread of its own, and all of them are heard in one place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_live::line::Drops;
use rdpwhy_parsers::Timestamp;

use crate::input::content::{Content, recognise};
use crate::input::walk::{label_of, problem};

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Pieces that may wait: enough to go on reading while something is judged, few enough to stay small.
const WAITING: usize = 32;

/// First bytes that tell whether it is a capture.
const MAGIC: usize = 12;
/// What is read here.
const EXPECTED: &str = "expected pcap or pcapng, as tcpdump -w writes it";

/// A frame from a network card.
pub struct Frame {
    /// When it was captured.
    pub time: Timestamp,
    /// LINKTYPE_ value.
    pub link: u32,
    /// Captured bytes: from and to in [`News::Frames`].
    pub data: (usize, usize),
    /// Length on the wire.
    pub wire_length: usize,
}

/// What a source says.
pub enum News {
    /// The next bytes of a file or pipe.
    Bytes(Vec<u8>),
    /// Frames, and the bytes that they point into.
    Frames(Vec<Frame>, Vec<u8>),
    /// The counters of an interface.
    Counters(Drops),
    /// What the logs of the last half hour tell.
    Records(Vec<SourceEvents>),
    /// No more comes, and why, if that is a mistake.
    Over(Option<String>),
}

/// The two ends of the line from the sources.
pub fn line() -> (SyncSender<News>, Receiver<News>) {
    sync_channel(WAITING)
}

/// Reads a capture from a file or pipe to its end; `name` is what it is called when it turns out to be something else.
pub fn stream(name: String, mut from: impl Read + Send + 'static, to: SyncSender<News>) {
    thread::spawn(move || {
        let mut head = Vec::new();
        let mut begun = false;
        loop {
            let mut piece = vec![0; PIECE];
            let n = match from.read(&mut piece) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    let _ = to.send(News::Over(Some(format!("{name}: cannot be read: {e}"))));
                    return;
                }
            };
            piece.truncate(n);
            if !begun {
                head.append(&mut piece);
                if head.len() < MAGIC && n > 0 {
                    continue;
                }
                if let Err(why) = capture(&name, &head) {
                    let _ = to.send(News::Over(Some(why)));
                    return;
                }
                begun = true;
                piece = std::mem::take(&mut head);
            }
            if !piece.is_empty() && to.send(News::Bytes(piece)).is_err() {
                return;
            }
            if n == 0 {
                let _ = to.send(News::Over(None));
                return;
            }
        }
    });
}

/// Whether bytes begin a capture; else what they are, and what to do with them.
fn capture(name: &str, head: &[u8]) -> Result<(), String> {
    if rdpwhy_parsers::pcap::looks_like(head) {
        return Ok(());
    }
    let (what, advice) = match recognise(head) {
        Content::Empty => {
            return Err(format!("{name}: is empty (0 bytes), expected a capture"));
        }
        Content::Evidence => (
            "an event log",
            "give its folder with --logs, or use rdpwhy diagnose",
        ),
        Content::Zip | Content::SevenZip | Content::Tar => ("an archive", "use rdpwhy diagnose"),
        Content::Gzip => ("gzip data", "unpack it: gzip -dc FILE | rdpwhy sniff -"),
        Content::Zstandard => (
            "Zstandard data",
            "unpack it: zstd -dc FILE | rdpwhy sniff -",
        ),
        Content::KeyLog => ("a key log", "give it with --keylog"),
        Content::Other(guess) => (guess.what, guess.advice.unwrap_or(EXPECTED)),
    };
    Err(format!("{name}: is {what}, and no capture; {advice}"))
}

/// Opens a capture file.
///
/// # Errors
/// What it means that it cannot be opened, in the words of `diagnose`.
pub fn file(path: &Path) -> Result<File, String> {
    let label = label_of(path);
    let told = |e: &io::Error| {
        let problem = problem(&label, e);
        format!("{}: {}", problem.path, problem.what)
    };
    if path.is_dir() {
        return Err(format!(
            "{label}: is a folder; rdpwhy diagnose reads folders, sniff -r one capture"
        ));
    }
    File::open(path).map_err(|e| told(&e))
}
