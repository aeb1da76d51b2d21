//! Licensing (MS-RDPELE; 2.2.1.12): which message, and the error when it is one.

/// Message types of the preamble that stand for an error or a license question.
pub const ERROR_ALERT: u8 = 0xff;

/// `STATUS_VALID_CLIENT`: no error but the usual end of licensing without a license (2.2.1.12.1.3).
pub const VALID_CLIENT: u32 = 7;

/// A licensing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct License {
    /// `bMsgType`.
    pub kind: u8,
    /// `dwErrorCode` of an error alert.
    pub error: Option<u32>,
}

/// Reads what stands behind the security header.
pub fn license(bytes: &[u8]) -> Option<License> {
    let kind = *bytes.first()?;
    let error = if kind == ERROR_ALERT {
        bytes
            .get(4..)
            .and_then(|b| b.first_chunk())
            .map(|b| u32::from_le_bytes(*b))
    } else {
        None
    };
    Some(License { kind, error })
}

/// Name of a message type (MS-RDPELE 2.2.2).
pub fn name(kind: u8) -> &'static str {
    match kind {
        0x01 => "license-request",
        0x02 => "platform-challenge",
        0x03 => "new-license",
        0x04 => "upgrade-license",
        0x12 => "license-info",
        0x13 => "new-license-request",
        0x15 => "platform-challenge-response",
        ERROR_ALERT => "error-alert",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_client_is_an_alert_with_seven() {
        let read = license(&[0xff, 3, 16, 0, 7, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0]);
        assert_eq!(
            read,
            Some(License {
                kind: ERROR_ALERT,
                error: Some(VALID_CLIENT)
            })
        );
        assert_eq!(
            license(&[1, 3]),
            Some(License {
                kind: 1,
                error: None
            })
        );
        assert_eq!(license(&[]), None);
    }
}
