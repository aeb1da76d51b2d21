//! TLS as far as it is readable without being a party to it.

pub mod certificate;
pub(crate) mod conversation;
pub mod fingerprint;
pub mod hello;
pub mod keylog;
mod keys;
mod protection;
pub mod record;
