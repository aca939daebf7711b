//! Which number has a protocol? Names as in `/etc/protocols`, and the few that only iptables knows.

use super::options::Given;
use super::ports::integer;
use crate::diagnostic::Diagnostic;
use crate::ruleset::Type;
use crate::suggestion::did_you_mean;
use crate::value_names;

/// The number of the protocol called `text`, or written as one; `all` is 0.
pub(super) fn number(text: &str) -> Option<u8> {
    if let Some(number) = integer(text) {
        return u8::try_from(number).ok();
    }
    match text.to_ascii_lowercase().as_str() {
        "all" => Some(0),
        "mh" | "ipv6-mh" => Some(135),
        name => value_names::value(Type::InetProto, name).and_then(|number| u8::try_from(number).ok()),
    }
}

/// The protocol an option names; `all` is 0.
pub(super) fn of_any(given: &Given) -> Result<u8, Diagnostic> {
    let token = given.value();
    let Some(number) = number(&token.text) else {
        let error = Diagnostic::new(token.span, format!("unknown protocol `{}`", token.text));
        return Err(match did_you_mean(&token.text, names()) {
            Some(help) => error.help(help),
            None => error,
        });
    };
    if number == 0 && given.negated {
        return Err(Diagnostic::new(given.span, "no packet has no protocol"));
    }
    Ok(number)
}

/// The protocol an option names, which must be one.
pub(super) fn of(given: &Given) -> Result<u8, Diagnostic> {
    match of_any(given)? {
        0 => Err(Diagnostic::new(given.value().span, "this needs one protocol, not all of them")),
        number => Ok(number),
    }
}

/// The names there are.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    value_names::names(Type::InetProto).into_iter().chain(["all"])
}
