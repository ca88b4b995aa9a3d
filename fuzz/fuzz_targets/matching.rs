//! Any bytes as a script of subscriptions and topics (row 1): `cargo +nightly fuzz run matching`.
#![no_main]

#[path = "../../tests/row_01_matching/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    harness::run(script);
});
