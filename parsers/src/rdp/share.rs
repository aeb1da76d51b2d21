//! What travels on the I/O channel: security header (2.2.8.1.1.2.1), share control and share data headers (2.2.8.1.1.1).

/// Flags of the basic security header.
pub mod security {
    /// Client's random for standard RDP security.
    pub const EXCHANGE: u16 = 0x0001;
    /// What follows is encrypted.
    pub const ENCRYPT: u16 = 0x0008;
    /// Client Info.
    pub const INFO: u16 = 0x0040;
    /// Licensing.
    pub const LICENSE: u16 = 0x0080;
    /// Server Redirection in standard RDP security (2.2.13.2).
    pub const REDIRECTION: u16 = 0x0400;
}

/// A PDU of the I/O channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io<'a> {
    /// Something behind a basic security header: flags and body.
    Secured(u16, &'a [u8]),
    /// Demand Active.
    DemandActive,
    /// Confirm Active.
    ConfirmActive,
    /// Deactivate All.
    DeactivateAll,
    /// Server Redirection (2.2.13.3.1).
    Redirection,
    /// A share data PDU: `pduType2` and body.
    Data(u8, &'a [u8]),
}

/// `pduType2` of Set Error Info (2.2.5.1.1).
pub const SET_ERROR_INFO: u8 = 0x2f;
/// `pduType2` of the PDUs that belong to activation: Synchronize, Control, Font List, Font Map.
pub const FINALIZATION: [u8; 4] = [0x1f, 0x14, 0x27, 0x28];
/// `pduType2` of Font Map, the last one of activation.
pub const FONT_MAP: u8 = 0x28;

/// Reads the data of an MCS Send Data PDU on the I/O channel. A share control header is recognised by its own length and
/// version; everything else has a security header.
pub fn io(bytes: &[u8]) -> Option<Io<'_>> {
    let [a, b, c, d, ..] = *bytes else {
        return None;
    };
    let (total, kind) = (
        usize::from(u16::from_le_bytes([a, b])),
        u16::from_le_bytes([c, d]),
    );
    if total == bytes.len() && kind & 0xfff0 == 0x0010 {
        return match kind & 0x000f {
            0x1 => Some(Io::DemandActive),
            0x3 => Some(Io::ConfirmActive),
            0x6 => Some(Io::DeactivateAll),
            0xa => Some(Io::Redirection),
            // Share control 6, share id 4, pad, stream, uncompressed length 2, type, compressed type and length 3.
            0x7 => Some(Io::Data(
                *bytes.get(14)?,
                bytes.get(18..).unwrap_or_default(),
            )),
            _ => None,
        };
    }
    Some(Io::Secured(
        u16::from_le_bytes([a, b]),
        bytes.get(4..).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_error_info_of_the_specification() {
        // 2.2.5.1.1: share control, share data, errorInfo.
        let mut bytes = vec![
            22,
            0,
            0x17,
            0,
            0xea,
            3,
            0,
            0,
            1,
            0,
            0,
            1,
            8,
            0,
            SET_ERROR_INFO,
            0,
            0,
            0,
        ];
        bytes.extend(7u32.to_le_bytes());
        assert_eq!(io(&bytes), Some(Io::Data(SET_ERROR_INFO, &[7, 0, 0, 0])));
    }

    #[test]
    fn a_license_has_a_security_header() {
        assert_eq!(
            io(&[0x80, 0, 0, 0, 0xff]),
            Some(Io::Secured(security::LICENSE, &[0xff]))
        );
        assert_eq!(io(&[1, 2]), None);
    }
}
