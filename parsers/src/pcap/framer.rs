//! A stream cut into TPKT packets, TLS records and fast-path PDUs.
//!
//! What comes next is decided at each boundary anew: a server whose TLS breaks may go on with plain TPKT, and that is a clue.

use super::stream::{Piece, Place};

/// Largest TLS record: 2^14 and 2,048 for what encryption adds (RFC 5246 §6.2.3).
const LARGEST_RECORD: usize = (1 << 14) + 2048;
/// PDUs longer than this are not kept; of the connection sequence only Connect Initial and Demand Active come near 2 KiB.
const LARGEST_KEPT: usize = LARGEST_RECORD;
/// First bytes of a foreign protocol that are kept to name it.
const FOREIGN_HEAD: usize = 64;

/// What a PDU is by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// TLS record: content type, version, length of its body.
    Tls {
        content: u8,
        version: u16,
        length: usize,
    },
    /// TPKT (RFC 1006 §6): length with header.
    Tpkt { length: usize },
    /// RDP fast-path (MS-RDPBCGR 2.2.9.1.2): length with header.
    FastPath { length: usize },
    /// Anything else; given once, the rest of the stream is not looked at.
    Foreign,
}

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
            match self.shape(bytes) {
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
        let Some(shape) = self.shape(&self.buffer) else {
            return;
        };
        let (total, keep) = match shape {
            Shape::Tls {
                content, length, ..
            } => (length + 5, content != 23 || self.keep_application_data),
            Shape::Tpkt { length } => (length, true),
            Shape::FastPath { length } => (length, false),
            Shape::Foreign => {
                let more = bytes
                    .get(..bytes.len().min(FOREIGN_HEAD))
                    .unwrap_or_default();
                self.buffer.extend_from_slice(more);
                *bytes = &[];
                if self.understood {
                    // Not a new protocol but a lost boundary.
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
        self.mode = Mode::Boundary;
    }

    fn gap(&mut self, missing: usize, place: Place, sink: &mut dyn FnMut(Pdu<'_>)) {
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

    /// Decides by the first bytes; `None` when more are needed.
    fn shape(&self, head: &[u8]) -> Option<Shape> {
        match *head.first()? {
            content @ 20..=24 => {
                let major = head.get(1)?;
                if *major != 3 {
                    return self.fast_path(head);
                }
                let [minor, a, b] = *head.get(2..5)? else {
                    return None;
                };
                let length = usize::from(u16::from_be_bytes([a, b]));
                if minor > 4 || length > LARGEST_RECORD {
                    return self.fast_path(head);
                }
                Some(Shape::Tls {
                    content,
                    version: 0x0300 | u16::from(minor),
                    length,
                })
            }
            3 => {
                // The second byte is reserved; some stacks do not send 0.
                let [_, a, b] = *head.get(1..4)? else {
                    return None;
                };
                let length = usize::from(u16::from_be_bytes([a, b]));
                Some(if length < 7 {
                    Shape::Foreign
                } else {
                    Shape::Tpkt { length }
                })
            }
            _ => self.fast_path(head),
        }
    }

    /// Action 0 in the low bits, one or two length bytes (MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2).
    fn fast_path(&self, head: &[u8]) -> Option<Shape> {
        if !self.spoke_tpkt || head.first()? & 0x03 != 0 {
            return Some(Shape::Foreign);
        }
        let first = usize::from(*head.get(1)?);
        let length = if first & 0x80 == 0 {
            first
        } else {
            (first & 0x7f) << 8 | usize::from(*head.get(2)?)
        };
        Some(if length < 3 {
            Shape::Foreign
        } else {
            Shape::FastPath { length }
        })
    }
}
