#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rdpwhy_tests::bodies::run("monitor", bytes));
