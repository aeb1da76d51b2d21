//! Where packets come from: each source is read by a thread of its own, and all of them are heard in one place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_live::line::Drops;
use rdpwhy_parsers::Timestamp;

/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Pieces that may wait: enough to go on reading while something is judged, few enough to stay small.
const WAITING: usize = 32;

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

/// Reads a file or a pipe to its end.
pub fn stream(mut from: impl Read + Send + 'static, to: SyncSender<News>) {
    thread::spawn(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let news = match from.read(&mut piece) {
                Ok(0) => News::Over(None),
                Ok(n) => {
                    piece.truncate(n);
                    News::Bytes(piece)
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => News::Over(Some(e.to_string())),
            };
            let over = matches!(news, News::Over(_));
            if to.send(news).is_err() || over {
                return;
            }
        }
    });
}

/// Opens a capture file.
///
/// # Errors
/// What the system says.
pub fn file(path: &Path) -> io::Result<File> {
    File::open(path)
}
