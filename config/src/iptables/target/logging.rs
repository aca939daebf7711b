//! What does a log line say? `LOG` and `NFLOG`.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::{Built, start_of};
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::ports::integer;
use crate::suggestion::did_you_mean;

type Done = Result<(), Diagnostic>;

/// `LOG`
pub(super) fn log(target: &Loaded, built: &mut Built) -> Done {
    let mut text = "log".to_owned();
    if let Some(given) = target.get("--log-prefix") {
        text += &prefix(given, LONGEST_PREFIX, built)?;
    }
    if let Some(given) = target.get("--log-level") {
        let level = level(given.value())?;
        text = format!("{text} level {}", LEVELS[level].0);
    }
    let tcp: Vec<&str> = [("--log-tcp-sequence", "sequence"), ("--log-tcp-options", "options")]
        .iter()
        .filter_map(|(option, flag)| target.get(option).map(|_| *flag))
        .collect();
    if !tcp.is_empty() {
        text = format!("{text} flags tcp {}", tcp.join(","));
    }
    if target.get("--log-ip-options").is_some() {
        text += " flags ip options";
    }
    if target.get("--log-macdecode").is_some() {
        text += " flags ether";
    }
    if let Some(given) = target.get("--log-uid") {
        built.note(given.span, "`--log-uid` adds nothing: a wire does not know the users of a host");
    }
    built.says(&text, target.span)
}

/// `NFLOG`
pub(super) fn nflog(target: &Loaded, built: &mut Built) -> Done {
    let mut text = "log".to_owned();
    if let Some(given) = target.get("--nflog-prefix") {
        text += &prefix(given, LONGEST_NFLOG_PREFIX, built)?;
    }
    let group = target.get("--nflog-group").map_or(Ok(0), |given| number(given.value(), 0, 65_535))?;
    text = format!("{text} group {group}");
    if let Some(given) = target.get("--nflog-size") {
        let size = number(given.value(), 0, u64::from(u32::MAX))?;
        text = format!("{text} snaplen {size}");
    }
    if let Some(given) = target.get("--nflog-range") {
        number(given.value(), 0, u64::from(u32::MAX))?;
        built
            .note(given.span, "`--nflog-range` has no effect, as in the kernel: `--nflog-size` cuts packets");
    }
    if let Some(given) = target.get("--nflog-threshold") {
        match number(given.value(), 0, 65_535)? {
            0 => {}
            threshold => text = format!("{text} queue-threshold {threshold}"),
        }
    }
    built.says(&text, target.span)
}

/// iptables hands on as much of a prefix as there is room for.
fn prefix(given: &Given, longest: usize, built: &mut Built) -> Result<String, Diagnostic> {
    let token = given.value();
    let mut text = token.text.as_str();
    if text.is_empty() {
        return Err(Diagnostic::new(given.span, "an empty prefix: leave it out"));
    }
    if text.contains(|c: char| c == '"' || c.is_control()) {
        let message = "a prefix with quotes or control characters cannot be written in nft";
        return Err(Diagnostic::new(token.span, message));
    }
    if text.len() > longest {
        text = start_of(text, longest);
        built.note(token.span, format!("a prefix has at most {longest} bytes: the rest is left out"));
    }
    Ok(format!(" prefix \"{text}\""))
}

/// A number or a name.
fn level(token: &Token) -> Result<usize, Diagnostic> {
    if integer(&token.text).is_some() {
        return Ok(usize::try_from(number(token, 0, 7)?).unwrap_or_default());
    }
    let named = LEVELS.iter().position(|(_, names)| names.contains(&token.text.as_str()));
    named.ok_or_else(|| {
        let names = LEVELS.iter().flat_map(|(_, names)| *names).copied();
        let mut complaint = Diagnostic::new(token.span, format!("unknown level `{}`", token.text));
        complaint.help = did_you_mean(&token.text, names);
        complaint
    })
}

/// What nft calls them, and iptables.
const LEVELS: [(&str, &[&str]); 8] = [
    ("emerg", &["emerg", "panic"]),
    ("alert", &["alert"]),
    ("crit", &["crit"]),
    ("err", &["error"]),
    ("warn", &["warning"]),
    ("notice", &["notice"]),
    ("info", &["info"]),
    ("debug", &["debug"]),
];
const LONGEST_PREFIX: usize = 29;
const LONGEST_NFLOG_PREFIX: usize = 127;
