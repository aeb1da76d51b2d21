//! Nothing to link: the suite is in `suite/`.
