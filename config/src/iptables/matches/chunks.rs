//! What does `--chunk-types` ask of an SCTP packet? Which chunks it bears, and with which flags.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::options::Given;
use crate::policy::{CHUNK_TYPES, ChunkMode, Chunks, FLAGGED_CHUNKS, Sought};
use crate::suggestion::did_you_mean;

/// `all`, `any` or `only`, and the types.
pub(super) fn translate(given: &Given, built: &mut Built) -> Result<(), Diagnostic> {
    let mode = match given.values[0].text.to_ascii_lowercase().as_str() {
        "all" => ChunkMode::All,
        "any" => ChunkMode::Any,
        "only" => ChunkMode::Only,
        _ => {
            let message = format!("expected all, any or only, found `{}`", given.values[0].text);
            return Err(Diagnostic::new(given.values[0].span, message));
        }
    };
    let mut chunks = Chunks { mode, types: 0, flags: 0 };
    for part in given.values[1].split(',') {
        let (name, flags) = part.split_once(':');
        match name.text.to_ascii_uppercase().as_str() {
            // Every type there can be, those without a name too.
            "ALL" => chunks.types = u32::MAX,
            "NONE" => chunks.types = 0,
            said => {
                let Some((_, kind)) = CHUNKS.iter().find(|(known, _)| *known == said) else {
                    let error = Diagnostic::new(name.span, format!("unknown chunk type `{}`", name.text));
                    return Err(match did_you_mean(said, CHUNKS.iter().map(|(known, _)| *known)) {
                        Some(help) => error.help(help),
                        None => error,
                    });
                };
                chunks.types |= CHUNK_TYPES.iter().position(|known| known == kind).map_or(0, |at| 1 << at);
                if let Some(flags) = flags.filter(|flags| !flags.text.is_empty()) {
                    chunks.flags |= read_flags(*kind, &name, &flags)?;
                }
            }
        }
    }
    built.sought(Sought::Chunks(chunks), given.negated, given.span);
    Ok(())
}

/// Letters of flags: a capital one must be set, a small one must not.
fn read_flags(kind: u8, name: &Token, flags: &Token) -> Result<u32, Diagnostic> {
    let letters = match kind {
        0 | 64 => "IUBE",
        6 | 14 => "---T",
        _ => "",
    };
    let (mut asked, mut set) = (0_u32, 0_u32);
    for letter in flags.text.chars() {
        let at = letters.find(letter.to_ascii_uppercase()).filter(|_| letter.is_ascii_alphabetic());
        let Some(at) = at else {
            let message = format!("a {} chunk has no flag `{letter}`", name.text);
            return Err(Diagnostic::new(flags.span, message));
        };
        let bit = 8 >> at;
        asked |= bit;
        set = if letter.is_ascii_uppercase() { set | bit } else { set & !bit };
    }
    let place = FLAGGED_CHUNKS.iter().position(|known| *known == kind).unwrap_or_default();
    Ok((asked << 4 | set) << (8 * place))
}

/// What iptables calls them (RFC 9260, 3758, 4820, 4895, 5061, 6525, 8260).
const CHUNKS: &[(&str, u8)] = &[
    ("DATA", 0),
    ("INIT", 1),
    ("INIT_ACK", 2),
    ("SACK", 3),
    ("HEARTBEAT", 4),
    ("HEARTBEAT_ACK", 5),
    ("ABORT", 6),
    ("SHUTDOWN", 7),
    ("SHUTDOWN_ACK", 8),
    ("ERROR", 9),
    ("COOKIE_ECHO", 10),
    ("COOKIE_ACK", 11),
    ("ECN_ECNE", 12),
    ("ECN_CWR", 13),
    ("SHUTDOWN_COMPLETE", 14),
    ("I_DATA", 64),
    ("ASCONF_ACK", 128),
    ("RE_CONFIG", 130),
    ("PAD", 132),
    ("FORWARD_TSN", 192),
    ("ASCONF", 193),
    ("I_FORWARD_TSN", 194),
];
