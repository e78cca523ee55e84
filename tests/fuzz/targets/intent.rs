#![no_main]

#[path = "../check/intent.rs"]
mod intent;

libfuzzer_sys::fuzz_target!(|data: &[u8]| intent::check(data));
