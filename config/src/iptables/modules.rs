//! Which matches and targets are there, and which options has each?

mod matches;
mod refused;
mod targets;

pub(super) use refused::target_reason;
pub(super) use targets::TARGETS;

use super::Version;
use super::build::Built;
use super::matches::fields;
use super::options::Loaded;
use super::protocol;
use super::rule::Facts;
use crate::diagnostic::Diagnostic;

/// A match or target.
#[derive(Debug)]
pub(super) struct Module {
    /// What it can be called; its own name first.
    pub(super) names: &'static [&'static str],
    pub(super) options: &'static [Opt],
    /// The version it belongs to, unless it is both.
    version: Option<Version>,
    /// What it adds to a rule.
    pub(super) translate: fn(&Loaded, &Facts<'_>, &mut Built) -> Result<(), Diagnostic>,
}

impl Module {
    /// What messages call it.
    pub(super) const fn name(&self) -> &'static str {
        self.names[0]
    }

    /// Its option called `name`.
    pub(super) fn option(&self, name: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.names.contains(&name))
    }
}

/// An option.
#[derive(Debug)]
pub(super) struct Opt {
    /// What it can be called; the name code asks for first.
    pub(super) names: &'static [&'static str],
    /// How many values follow.
    pub(super) values: usize,
    pub(super) negatable: bool,
    /// Why it is refused, if it is.
    pub(super) refused: Option<&'static str>,
}

impl Opt {
    /// The name code asks for.
    pub(super) const fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// An option with one value that can be negated.
const fn both(names: &'static [&'static str]) -> Opt {
    Opt { names, values: 1, negatable: true, refused: None }
}

/// An option with so many values that cannot be negated.
const fn plain(names: &'static [&'static str], values: usize) -> Opt {
    Opt { names, values, negatable: false, refused: None }
}

/// An option without a value that can be negated.
const fn flag(names: &'static [&'static str]) -> Opt {
    Opt { names, values: 0, negatable: true, refused: None }
}

/// An option that is refused, with so many values, and why.
const fn refused(names: &'static [&'static str], values: usize, why: &'static str) -> Opt {
    Opt { names, values, negatable: true, refused: Some(why) }
}

/// The match called `name`, or why there is none.
pub(super) fn named(name: &str, version: Version) -> Result<&'static Module, String> {
    let Some(module) = matches::MATCHES.iter().find(|module| module.names.contains(&name)) else {
        return Err(match refused::match_reason(name) {
            Some(why) => format!("the match `{name}` is not supported: {why}"),
            None => format!("unknown match `{name}`"),
        });
    };
    match (module.version, version) {
        (Some(Version::V4), Version::V6) => Err(format!("the match `{name}` is for IPv4 only")),
        (Some(Version::V6), Version::V4) => Err(format!("the match `{name}` is for IPv6 only")),
        _ => Ok(module),
    }
}

/// The match that comes with `-p NAME`.
pub(super) fn implied(name: &str, version: Version) -> Option<&'static Module> {
    let name = match protocol::number(name)? {
        1 => "icmp",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        58 => "icmp6",
        132 => "sctp",
        _ => return None,
    };
    named(name, version).ok()
}

/// What needs no `-m`.
pub(super) const BASICS: Module = Module {
    names: &["iptables"],
    options: &[
        both(&["-s", "--source", "--src"]),
        both(&["-d", "--destination", "--dst"]),
        both(&["-i", "--in-interface"]),
        both(&["-o", "--out-interface"]),
        both(&["-p", "--protocol", "--proto"]),
        flag(&["-f", "--fragment", "--fragments"]),
        plain(&["-c", "--set-counters"], 1),
        refused(&["-4", "--ipv4"], 0, ONE_VERSION),
        refused(&["-6", "--ipv6"], 0, ONE_VERSION),
    ],
    version: None,
    translate: fields::basics,
};

const ONE_VERSION: &str = "a dump is about one version";
