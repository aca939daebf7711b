//! As `fuzz_nft`, of dumps by iptables-save: what is printed is nft.
//!
//! Input: a dump; behind a NUL byte, a second one of the same ruleset.
#![no_main]

use config::NoFiles;
use config::iptables::is_dump;
use fuzz::texts::check;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &str| -> Corpus {
    let texts: Vec<&str> = data.splitn(2, '\0').collect();
    if !texts.iter().all(|text| is_dump(text)) {
        return Corpus::Reject;
    }
    check(&texts, &mut NoFiles);
    Corpus::Keep
});
