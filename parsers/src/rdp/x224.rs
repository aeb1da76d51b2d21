//! X.224 transport PDUs of class 0 (ITU-T X.224 §13) as RDP uses them: 2.2.1.1, 2.2.1.2.

/// PDU types, upper half of the second byte.
mod code {
    pub(super) const CONNECTION_REQUEST: u8 = 0xe0;
    pub(super) const CONNECTION_CONFIRM: u8 = 0xd0;
    pub(super) const DISCONNECT_REQUEST: u8 = 0x80;
    pub(super) const ERROR: u8 = 0x70;
    pub(super) const DATA: u8 = 0xf0;
}

/// A PDU; the slice is its variable part (CR, CC) or its user data (DT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tpdu<'a> {
    /// Client's first PDU: cookie or routing token, then the negotiation request.
    ConnectionRequest(&'a [u8]),
    /// Server's answer: negotiation response or failure, or nothing from servers before RDP 5.
    ConnectionConfirm(&'a [u8]),
    /// Either side gives up; the reason byte.
    DisconnectRequest(u8),
    /// The other side's PDU was not understood.
    Error,
    /// Carries MCS.
    Data(&'a [u8]),
}

/// Reads the payload of a TPKT packet. The length indicator is believed only as far as bytes are there: a cut packet still
/// gives its beginning.
pub fn tpdu(bytes: &[u8]) -> Option<Tpdu<'_>> {
    let indicator = usize::from(*bytes.first()?);
    let kind = *bytes.get(1)?;
    // LI counts the header behind itself; fixed part: code, two references, class.
    let variable = || {
        let end = (indicator + 1).min(bytes.len());
        bytes.get(7..end).unwrap_or_default()
    };
    match kind & 0xf0 {
        code::CONNECTION_REQUEST if indicator >= 6 => Some(Tpdu::ConnectionRequest(variable())),
        code::CONNECTION_CONFIRM if indicator >= 6 => Some(Tpdu::ConnectionConfirm(variable())),
        code::DISCONNECT_REQUEST => Some(Tpdu::DisconnectRequest(*bytes.get(6)?)),
        code::ERROR => Some(Tpdu::Error),
        code::DATA => Some(Tpdu::Data(bytes.get(indicator + 1..).unwrap_or_default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_confirm_and_data_are_told_apart() {
        let request = [0x0e, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0];
        assert_eq!(tpdu(&request), Some(Tpdu::ConnectionRequest(&request[7..])));
        assert_eq!(
            tpdu(&[6, 0xd0, 0, 0, 0x12, 0x34, 0]),
            Some(Tpdu::ConnectionConfirm(&[]))
        );
        assert_eq!(
            tpdu(&[2, 0xf0, 0x80, 0x7f, 0x66]),
            Some(Tpdu::Data(&[0x7f, 0x66]))
        );
        assert_eq!(tpdu(&[2, 0x10, 0x80]), None);
    }

    #[test]
    fn a_wrong_length_indicator_does_not_read_past_the_end() {
        assert_eq!(
            tpdu(&[0xff, 0xe0, 0, 0, 0, 0, 0, 9]),
            Some(Tpdu::ConnectionRequest(&[9]))
        );
        assert_eq!(tpdu(&[0xff, 0xf0]), Some(Tpdu::Data(&[])));
    }
}
