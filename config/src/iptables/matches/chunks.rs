//! What does `--chunk-types` ask of an SCTP packet? Which chunks it bears.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::options::Given;

/// `all`, `any` or `only`, and the types.
pub(super) fn translate(given: &Given, built: &mut Built) -> Result<(), Diagnostic> {
    let mode = given.values[0].text.to_ascii_lowercase();
    if mode == "only" {
        let message =
            "`--chunk-types only` is not supported: nothing in nft says that there is no other chunk";
        return Err(
            Diagnostic::new(given.values[0].span, message).help("`! --chunk-types any` names the others")
        );
    }
    let list = types(&given.values[1], given)?;
    let every: Vec<String> = list.iter().map(|name| format!("sctp chunk {name} exists")).collect();
    let none: Vec<String> = list.iter().map(|name| format!("sctp chunk {name} missing")).collect();
    built.protocol_said = true;
    match (mode.as_str(), given.negated) {
        ("all", false) => built.says(&every.join(" "), given.span),
        ("any", true) => built.says(&none.join(" "), given.span),
        ("any", false) => built.one_of(&first_of(&every, &none), given.span),
        ("all", true) => built.one_of(&first_of(&none, &every), given.span),
        _ => {
            let message = format!("expected all, any or only, found `{}`", given.values[0].text);
            Err(Diagnostic::new(given.values[0].span, message))
        }
    }
}

/// For each of `these` that it holds and those before do not.
fn first_of(these: &[String], those: &[String]) -> Vec<String> {
    let each = these.iter().enumerate().map(|(at, this)| {
        let before = those[..at].iter().map(|that| format!("{that} ")).collect::<String>();
        format!("{before}{this}")
    });
    each.collect()
}

fn types(token: &Token, given: &Given) -> Result<Vec<&'static str>, Diagnostic> {
    let mut list = Vec::new();
    for part in token.split(',') {
        let (name, flags) = part.split_once(':');
        let said = name.text.to_ascii_uppercase();
        match said.as_str() {
            "ALL" => list.extend(CHUNKS.iter().map(|(_, name)| *name)),
            "NONE" => {}
            _ => match CHUNKS.iter().find(|(known, _)| *known == said) {
                Some((_, name)) => list.push(*name),
                None => {
                    return Err(Diagnostic::new(name.span, format!("unknown chunk type `{}`", name.text)));
                }
            },
        }
        if let Some(flags) = flags.filter(|flags| !flags.text.is_empty()) {
            let message =
                "the flags of chunks are not supported: of several chunks of a type nft reads the first only";
            return Err(Diagnostic::new(flags.span, message));
        }
    }
    list.sort_unstable();
    list.dedup();
    if list.is_empty() {
        return Err(Diagnostic::new(given.span, "`--chunk-types` needs a type"));
    }
    Ok(list)
}

/// What iptables calls them, and what nft (RFC 9260, 4895, 6525, 8260, 3758, 4820).
const CHUNKS: &[(&str, &str)] = &[
    ("DATA", "data"),
    ("INIT", "init"),
    ("INIT_ACK", "init-ack"),
    ("SACK", "sack"),
    ("HEARTBEAT", "heartbeat"),
    ("HEARTBEAT_ACK", "heartbeat-ack"),
    ("ABORT", "abort"),
    ("SHUTDOWN", "shutdown"),
    ("SHUTDOWN_ACK", "shutdown-ack"),
    ("ERROR", "error"),
    ("COOKIE_ECHO", "cookie-echo"),
    ("COOKIE_ACK", "cookie-ack"),
    ("ECN_ECNE", "ecne"),
    ("ECN_CWR", "cwr"),
    ("SHUTDOWN_COMPLETE", "shutdown-complete"),
    ("I_DATA", "i-data"),
    ("RE_CONFIG", "re-config"),
    ("PAD", "pad"),
    ("ASCONF", "asconf"),
    ("ASCONF_ACK", "asconf-ack"),
    ("FORWARD_TSN", "forward-tsn"),
    ("I_FORWARD_TSN", "i-forward-tsn"),
];
