//! Any bytes as a lifecycle event: `cargo +nightly fuzz run lifecycle`.
#![no_main]

#[path = "../../tests/lifecycle/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    harness::check(bytes);
});
