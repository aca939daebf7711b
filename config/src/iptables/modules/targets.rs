//! Which options has each target?

use super::{Module, Opt, plain, refused};
use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;

const fn nothing(_: &Loaded, _: &Facts<'_>, _: &mut Built) -> Result<(), Diagnostic> {
    Ok(())
}

const fn target(names: &'static [&'static str], options: &'static [Opt]) -> Module {
    Module { names, options, version: None, translate: nothing }
}

const ZONES: &str = "a zone of one direction is for address translation";
const TIMEOUTS: &str = "the policy it names is no part of the dump; nft declares one, `ct timeout`";

/// What `-j` can name besides a chain.
pub(in crate::iptables) const TARGETS: &[Module] = &[
    target(&["ACCEPT"], &[]),
    target(&["DROP"], &[]),
    target(&["RETURN"], &[]),
    target(&["REJECT"], &[plain(&["--reject-with"], 1)]),
    target(&["NOTRACK"], &[]),
    target(
        &["CT"],
        &[
            plain(&["--notrack"], 0),
            plain(&["--zone"], 1),
            refused(&["--zone-orig"], 1, ZONES),
            refused(&["--zone-reply"], 1, ZONES),
            plain(&["--helper"], 1),
            refused(&["--timeout"], 1, TIMEOUTS),
            plain(&["--ctevents"], 1),
            plain(&["--expevents"], 1),
        ],
    ),
    target(
        &["LOG"],
        &[
            plain(&["--log-level"], 1),
            plain(&["--log-prefix"], 1),
            plain(&["--log-tcp-sequence"], 0),
            plain(&["--log-tcp-options"], 0),
            plain(&["--log-ip-options"], 0),
            plain(&["--log-uid"], 0),
            plain(&["--log-macdecode"], 0),
        ],
    ),
    target(
        &["NFLOG"],
        &[
            plain(&["--nflog-group"], 1),
            plain(&["--nflog-prefix"], 1),
            plain(&["--nflog-range"], 1),
            plain(&["--nflog-size"], 1),
            plain(&["--nflog-threshold"], 1),
        ],
    ),
    target(
        &["MARK"],
        &[
            plain(&["--set-mark"], 1),
            plain(&["--set-xmark"], 1),
            plain(&["--and-mark"], 1),
            plain(&["--or-mark"], 1),
            plain(&["--xor-mark"], 1),
        ],
    ),
    target(
        &["CONNMARK"],
        &[
            plain(&["--set-mark"], 1),
            plain(&["--set-xmark"], 1),
            plain(&["--and-mark"], 1),
            plain(&["--or-mark"], 1),
            plain(&["--xor-mark"], 1),
            plain(&["--save-mark"], 0),
            plain(&["--restore-mark"], 0),
            plain(&["--mask"], 1),
            plain(&["--nfmask"], 1),
            plain(&["--ctmask"], 1),
            plain(&["--left-shift-mark"], 1),
            plain(&["--right-shift-mark"], 1),
        ],
    ),
    target(
        &["SET"],
        &[
            Opt { names: &["--add-set"], values: 2, negatable: false, refused: None },
            Opt { names: &["--del-set"], values: 2, negatable: false, refused: None },
            plain(&["--timeout"], 1),
            plain(&["--exist"], 0),
            refused(&["--map-set"], 2, "no set of nft maps to a mark, a priority and a queue"),
        ],
    ),
];
