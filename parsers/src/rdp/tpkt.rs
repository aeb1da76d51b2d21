//! TPKT (RFC 1006 §6): four bytes around each X.224 PDU.

use nom::IResult;
use nom::Parser as _;
use nom::bytes::complete::tag;
use nom::number::complete::{be_u8, be_u16};

/// Length in the header (header included) and what the header was followed by, as far as it is there.
///
/// # Errors
/// When the version is not 3 or fewer than four bytes are there.
pub fn tpkt(bytes: &[u8]) -> IResult<&[u8], u16> {
    let (rest, (_, _, length)) = (tag(&[3u8][..]), be_u8, be_u16).parse(bytes)?;
    Ok((rest, length))
}

/// The payload of a TPKT packet: what stands behind the header, without anything beyond the length it tells.
pub fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let (rest, length) = tpkt(bytes).ok()?;
    Some(
        rest.get(..usize::from(length).saturating_sub(4))
            .unwrap_or(rest),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_ends_where_the_header_says() {
        assert_eq!(payload(&[3, 0, 0, 6, 1, 2, 9, 9]), Some(&[1, 2][..]));
        assert_eq!(
            payload(&[3, 0, 0, 60, 1, 2]),
            Some(&[1, 2][..]),
            "a cut packet gives what is there"
        );
        assert_eq!(payload(&[4, 0, 0, 6, 1, 2]), None);
        assert_eq!(payload(&[3, 0]), None);
    }
}
