//! What does `sluice run --config FILE` read? One TOML file: devices, workers, wires, rules, timeouts.
//!
//! Text becomes a raw form first (every key optional, as written), then [`Settings`], which can only hold
//! what makes sense. Every mistake of a file is reported in one run. No file is opened and no device is
//! touched here; relative paths stay as they are written.

mod check;
mod eal;
mod problem;
mod raw;
mod read;
mod timeouts;
mod wires;

use crate::diagnostic::Diagnostics;

pub use eal::{Device, Eal};
pub use timeouts::{Timeout, Timeouts};

/// A checked settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `[eal]`: memory, devices and what else DPDK is started with.
    pub eal: Eal,
    /// `[workers]`: how many, and how many flows they track.
    pub workers: Workers,
    /// `[[wire]]`: the pairs of ports; at least one.
    pub wires: Vec<Wire>,
    /// `[rules]`: where the ruleset is.
    pub rules: Rules,
    /// `[conntrack]`: how connections are tracked.
    pub conntrack: Conntrack,
}

/// `[workers]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    /// `count`: poll-mode threads, one lcore each, 1 to 127; default 1. One more lcore steers.
    pub count: u16,
    /// `flows`: entries of the flow table over all workers, 1024 to 1073741824; default 65536. The memory
    /// is taken at start.
    pub flows: u32,
}

impl Default for Workers {
    fn default() -> Self {
        Self { count: 1, flows: 65_536 }
    }
}

/// One `[[wire]]`: two ports, traffic goes in by one and out by the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// `name`: what it is called in output; required, unlike any other wire's.
    pub name: String,
    /// `role`: which chains see its packets; required, `"guard"` or `"transit"`.
    pub role: Role,
    /// `outside`: the DPDK port that faces the network, one of `eal.devices`; required.
    pub outside: String,
    /// `inside`: the DPDK port that faces what is protected, one of `eal.devices`; required.
    pub inside: String,
}

/// What a wire stands in front of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A host: input and output chains apply.
    Guard {
        /// `interface`: the name its ruleset knows the protected interface by; default `"eth0"`.
        interface: String,
    },
    /// A network: forward chains apply.
    Transit {
        /// First of `ports = [OUTSIDE, INSIDE]`: the interface name of the outside port in rules;
        /// default `"outside"`.
        outside: String,
        /// Second of `ports`; default `"inside"`.
        inside: String,
    },
}

/// `[rules]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// `files`: nft files and iptables-save dumps, loaded together; required, at least one. A relative
    /// path counts from the directory of the settings file; it stands here as written.
    pub files: Vec<String>,
    /// `leave-out`: what does not filter and the ruleset is taken without: tables `nat`, `mangle` and `security` of a
    /// dump, nft chains of type `nat` and `route`; default none.
    pub leave_out: Vec<String>,
}

/// What `rules.leave-out` and the command line can name.
pub const CAN_BE_LEFT_OUT: [&str; 4] = ["nat", "mangle", "security", "route"];

/// `[conntrack]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conntrack {
    /// `tcp-loose`: whether a connection may be picked up in the middle; default false: only a SYN
    /// starts one.
    pub tcp_loose: bool,
    /// `[conntrack.timeouts]`
    pub timeouts: Timeouts,
}

/// Reads the settings in `text`; `name` is the file's name in messages.
///
/// # Errors
/// Everything wrong with the text: syntax, unknown keys (with a suggestion), wrong types, missing keys,
/// and values that cannot be, each with its line and column.
pub fn parse(name: &str, text: &str) -> Result<Settings, Diagnostics> {
    let (raw, mut found) = read::read(text);
    let settings = raw.and_then(|raw| check::check(raw, &mut found));
    match settings {
        Some(settings) if found.is_empty() => Ok(settings),
        _ => Err(found.into_diagnostics(name, text)),
    }
}
