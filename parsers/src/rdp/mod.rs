//! The PDUs of an RDP connection that are sent in clear, or that are readable once TLS is: lenient readers that take what
//! is there, because the peers that break are the ones that get looked at.
//!
//! Section numbers are those of MS-RDPBCGR unless another document is named.

pub mod ber;
pub mod client_info;
pub mod credssp;
pub mod gcc;
pub mod licensing;
pub mod mcs;
pub mod nego;
pub mod rdpeudp;
pub mod share;
pub mod tpkt;
pub mod tsgu;
pub mod x224;
