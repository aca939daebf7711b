//! A ruleset that a grammar makes is read, prints as it reads back, and its program agrees with the interpreter.
//!
//! Input: the choices; an input can be changed anywhere and still makes a ruleset.
#![no_main]

use config::NoFiles;
use fuzz::grammar::ruleset;
use fuzz::texts::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    check(&[&ruleset(data)], &mut NoFiles);
});
