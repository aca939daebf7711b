//! As `fuzz_iptables`, of dumps beside sets saved by ipset.
//!
//! Input: the output of `ipset save`; behind a NUL byte, a dump that may name its sets.
#![no_main]

use config::NoFiles;
use fuzz::texts::check;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &str| -> Corpus {
    let (saved, dump) = data.split_once('\0').unwrap_or((data, ""));
    let dump = if config::iptables::is_dump(dump) { dump } else { "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n" };
    check(&[saved, dump], &mut NoFiles);
    Corpus::Keep
});
