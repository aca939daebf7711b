//! Any words are refused with a reason, or describe a frame that is parsed without a panic.
#![no_main]

use dataplane::packet::parse;
use libfuzzer_sys::fuzz_target;

#[path = "../../control/src/explain/syntax.rs"]
mod syntax;

fuzz_target!(|data: &str| {
    match fuzz::memory::bounded(|| syntax::frame(data), |_| (data.len(), fuzz::memory::MEMORY)) {
        Ok(frame) => {
            let _ = parse(&frame[..]);
        }
        Err(why) => assert!(!why.is_empty()),
    }
});
