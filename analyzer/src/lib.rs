//! Events to verdicts.
