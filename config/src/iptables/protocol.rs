//! Which number has a protocol? Names as in `/etc/protocols`, and the few that only iptables knows.

use super::ports::integer;
use crate::ruleset::Type;
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

/// The names there are.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    value_names::names(Type::InetProto).into_iter().chain(["all"])
}
