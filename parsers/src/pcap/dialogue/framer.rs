//! A stream cut into TPKT packets, TLS records and fast-path PDUs.
//!
//! What comes next is decided at each boundary anew: a server whose TLS breaks may go on with plain TPKT, and that is a clue.

use super::shape::{LARGEST_RECORD, Shape, shape};
use crate::pcap::tcp::stream::{Piece, Place};

/// PDUs longer than this are not kept; of the connection sequence only Connect Initial and Demand Active come near 2 KiB.
const LARGEST_KEPT: usize = LARGEST_RECORD;
/// Room that a direction keeps for its next PDU; more is given back, since thousands of connections are followed at a time.
const ROOM_KEPT: usize = 256;
/// First bytes of a foreign protocol that are kept to name it.
const FOREIGN_HEAD: usize = 64;

/// One PDU.
pub(crate) struct Pdu<'a> {
    pub shape: Shape,
    /// The whole PDU with its header; its beginning only, when it was cut or not wanted.
    pub bytes: &'a [u8],
    /// Whether bytes are missing although they were wanted.
    pub cut: bool,
    /// Packet that completed it (or the last that had some of it).
    pub place: Place,
}

#[derive(Clone)]
enum Mode {
    /// Between two PDUs; the buffer holds the beginning of the next header.
    Boundary,
    /// Inside a PDU of which `left` bytes are to come, kept or not.
    Inside {
        shape: Shape,
        left: usize,
        keep: bool,
        cut: bool,
    },
    /// The boundary is lost: look for a header at the beginning of each segment.
    Hunting,
    /// A foreign protocol.
    Ignoring,
}

/// Cuts one direction.
#[derive(Clone)]
pub(crate) struct Framer {
    mode: Mode,
    buffer: Vec<u8>,
    place: Option<Place>,
    /// Whether fast-path PDUs are expected: TPKT was spoken before.
    spoke_tpkt: bool,
    /// Whether application data is wanted whole, because it can be decrypted.
    pub keep_application_data: bool,
    /// Whether any PDU was recognised.
    pub understood: bool,
    came: Came,
}

/// How the direction's bytes came so far.
#[derive(Clone, PartialEq)]
enum Came {
    /// All of them, and each PDU began where the one before ended.
    Whole,
    /// Some are missing, or a boundary was lost before: that another one is lost then is nobody's fault.
    Holed,
}

impl Framer {
    pub(crate) fn new(midstream: bool) -> Self {
        Self {
            mode: if midstream {
                Mode::Hunting
            } else {
                Mode::Boundary
            },
            buffer: Vec::new(),
            place: None,
            spoke_tpkt: false,
            keep_application_data: false,
            understood: false,
            came: if midstream { Came::Holed } else { Came::Whole },
        }
    }

    pub(crate) fn push(&mut self, piece: &Piece<'_>, place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
        match piece {
            Piece::Bytes(bytes) => self.bytes(bytes, place, sink),
            Piece::Gap(missing) => self.gap(*missing as usize, place, sink),
        }
    }

    /// Gives out a PDU that never became complete.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Pdu<'_>)) {
        let Some(place) = self.place else { return };
        match self.mode {
            Mode::Inside { shape, .. } if !self.buffer.is_empty() => {
                sink(Pdu {
                    shape,
                    bytes: &self.buffer,
                    cut: true,
                    place,
                });
            }
            Mode::Boundary if !self.buffer.is_empty() => sink(Pdu {
                shape: Shape::Foreign,
                bytes: &self.buffer,
                cut: true,
                place,
            }),
            _ => {}
        }
        self.mode = Mode::Ignoring;
        self.buffer = Vec::new();
    }

    fn bytes(&mut self, mut bytes: &[u8], place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
        self.place = Some(place);
        if matches!(self.mode, Mode::Hunting) {
            match shape(bytes, self.spoke_tpkt) {
                Some(Shape::Foreign) | None => return,
                Some(_) => self.mode = Mode::Boundary,
            }
        }
        while !bytes.is_empty() {
            match &mut self.mode {
                Mode::Boundary => {
                    // At most five bytes decide.
                    let wanted = 5usize
                        .saturating_sub(self.buffer.len())
                        .max(1)
                        .min(bytes.len());
                    let (head, rest) = bytes.split_at(wanted);
                    self.buffer.extend_from_slice(head);
                    bytes = rest;
                    self.decide(&mut bytes, place, sink);
                }
                Mode::Inside {
                    shape,
                    left,
                    keep,
                    cut,
                } => {
                    let here = (*left).min(bytes.len());
                    let (part, rest) = bytes.split_at(here);
                    if *keep {
                        self.buffer.extend_from_slice(part);
                    }
                    *left -= here;
                    bytes = rest;
                    if *left == 0 {
                        let (shape, cut) = (*shape, *cut);
                        self.emit(shape, cut, place, sink);
                    }
                }
                Mode::Hunting | Mode::Ignoring => return,
            }
        }
    }

    fn decide(&mut self, bytes: &mut &[u8], place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
        let Some(shape) = shape(&self.buffer, self.spoke_tpkt) else {
            return;
        };
        let (total, keep) = match shape {
            Shape::Tls {
                content, length, ..
            } => (length + 5, content != 23 || self.keep_application_data),
            Shape::Tpkt { length } => (length, true),
            Shape::FastPath { length } => (length, false),
            Shape::Foreign | Shape::Lost => {
                let more = bytes
                    .get(..bytes.len().min(FOREIGN_HEAD))
                    .unwrap_or_default();
                self.buffer.extend_from_slice(more);
                *bytes = &[];
                if self.understood {
                    // Not a new protocol but a lost boundary.
                    if std::mem::replace(&mut self.came, Came::Holed) == Came::Whole {
                        sink(Pdu {
                            shape: Shape::Lost,
                            bytes: &self.buffer,
                            cut: false,
                            place,
                        });
                    }
                    self.mode = Mode::Hunting;
                    self.buffer.clear();
                } else {
                    sink(Pdu {
                        shape,
                        bytes: &self.buffer,
                        cut: false,
                        place,
                    });
                    self.mode = Mode::Ignoring;
                    self.buffer = Vec::new();
                }
                return;
            }
        };
        self.understood = true;
        self.spoke_tpkt |= matches!(shape, Shape::Tpkt { .. });
        let left = total.saturating_sub(self.buffer.len());
        if self.buffer.len() > total {
            // A PDU shorter than five bytes: give back what belongs to the next one.
            let surplus = self.buffer.split_off(total);
            self.emit(shape, false, place, sink);
            self.buffer = surplus;
            if !self.buffer.is_empty() {
                self.decide(bytes, place, sink);
            }
            return;
        }
        self.mode = Mode::Inside {
            shape,
            left,
            keep: keep && total <= LARGEST_KEPT,
            cut: false,
        };
        if left == 0 {
            self.emit(shape, false, place, sink);
        }
    }

    fn emit(&mut self, shape: Shape, cut: bool, place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
        sink(Pdu {
            shape,
            bytes: &self.buffer,
            cut,
            place,
        });
        self.buffer.clear();
        self.buffer.shrink_to(ROOM_KEPT);
        self.mode = Mode::Boundary;
    }

    fn gap(&mut self, missing: usize, place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
        self.came = Came::Holed;
        match &mut self.mode {
            Mode::Inside {
                shape,
                left,
                keep,
                cut,
            } if *left >= missing => {
                *left -= missing;
                *cut = true;
                *keep = false; // what follows the gap does not belong behind what was kept
                if *left == 0 {
                    let shape = *shape;
                    self.emit(shape, true, place, sink);
                }
            }
            Mode::Inside { shape, .. } => {
                let shape = *shape;
                self.emit(shape, true, place, sink);
                self.mode = Mode::Hunting;
            }
            Mode::Boundary => {
                self.mode = Mode::Hunting;
                self.buffer.clear();
            }
            Mode::Hunting | Mode::Ignoring => {}
        }
    }
}
