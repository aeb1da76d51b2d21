//! TLS as far as it is readable without being a party to it.

pub mod certificate;
pub mod fingerprint;
pub mod hello;
pub mod keylog;
pub(crate) mod keys;
pub(crate) mod protection;
pub mod record;
