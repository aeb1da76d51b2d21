//! Tests of the whole file; how it looks and behaves is tested in a browser.
