//! TCP connections: what each end sent, what came back for it, who ended it.

mod claim;
pub(crate) mod close;
pub(crate) mod endpoint;
pub(crate) mod flow;
mod forgery;
mod key;
mod ledger;
mod quota;
mod servers;
pub(crate) mod side;
pub(crate) mod stream;
pub(crate) mod table;
mod vigil;
