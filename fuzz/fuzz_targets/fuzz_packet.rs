//! Any words are refused with a reason, or describe a frame that is parsed without a panic.
#![no_main]

use dataplane::packet::parse;
use libfuzzer_sys::fuzz_target;

#[path = "../../control/src/explain/syntax.rs"]
#[expect(dead_code, reason = "what else a packet's words say is for `explain`")]
mod syntax;

fuzz_target!(|data: &str| {
    match fuzz::memory::bounded(|| syntax::packet(data), |_| (data.len(), fuzz::memory::MEMORY)) {
        Ok(written) => {
            let _ = parse(&written.frame[..]);
        }
        Err(why) => assert!(!why.is_empty()),
    }
});
