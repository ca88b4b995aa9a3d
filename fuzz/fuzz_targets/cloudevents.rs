//! Any bytes as a document. `cargo +nightly fuzz run cloudevents`

#![no_main]

#[path = "../../tests/cloudevents/harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|document: &[u8]| harness::any_document(document));
