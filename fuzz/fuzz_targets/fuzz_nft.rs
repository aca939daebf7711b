//! Any text is refused with a reason, or is a ruleset that prints, reads back and runs as it was written.
//!
//! Input: an nft file; behind a NUL byte, the text of every file that it includes.
#![no_main]

use fuzz::texts::{Included, check};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &str| -> Corpus {
    let (text, included) = data.split_once('\0').unwrap_or((data, ""));
    if config::iptables::is_dump(text) {
        return Corpus::Reject;
    }
    check(&[text], &mut Included::new(included));
    Corpus::Keep
});
