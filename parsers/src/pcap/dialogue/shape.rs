//! What comes next in a stream, by its first bytes.

/// Largest TLS record: 2^14 and 2,048 for what encryption adds (RFC 5246 §6.2.3).
pub(crate) const LARGEST_RECORD: usize = (1 << 14) + 2048;

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
    /// Nothing known begins where the last PDU ended by its own length, though no byte is missing: some length was wrong.
    Lost,
}

/// Decides; `None` when more than these bytes are needed, five always suffice. `spoke_tpkt`: this side sent TPKT before, so
/// fast-path PDUs are to be expected.
pub(crate) fn shape(head: &[u8], spoke_tpkt: bool) -> Option<Shape> {
    match *head.first()? {
        content @ 20..=24 if *head.get(1)? == 3 => {
            let [minor, a, b] = *head.get(2..5)? else {
                return None;
            };
            let length = usize::from(u16::from_be_bytes([a, b]));
            if minor > 4 || length > LARGEST_RECORD {
                return fast_path(head, spoke_tpkt);
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
        _ => fast_path(head, spoke_tpkt),
    }
}

/// Action 0 in the low bits, one or two length bytes (MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2).
fn fast_path(head: &[u8], spoke_tpkt: bool) -> Option<Shape> {
    if !spoke_tpkt || head.first()?.trailing_zeros() < 2 {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        assert_eq!(
            shape(&[0x16, 3, 1, 2, 0], false),
            Some(Shape::Tls {
                content: 22,
                version: 0x0301,
                length: 512
            })
        );
        assert_eq!(
            shape(&[3, 0, 0, 19, 14], false),
            Some(Shape::Tpkt { length: 19 })
        );
        assert_eq!(
            shape(&[0x00, 0x81, 0x04], true),
            Some(Shape::FastPath { length: 260 })
        );
        assert_eq!(shape(&[0x00, 0x81, 0x04], false), Some(Shape::Foreign));
        assert_eq!(shape(b"HTTP/", false), Some(Shape::Foreign));
        assert_eq!(shape(&[0x16, 3], false), None, "more is needed");
    }
}
