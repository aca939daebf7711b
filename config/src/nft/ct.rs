//! How is what is known of a connection written? With or without a direction, in either order.

use super::parser::{Parsed, Parser};
use super::tokens::Word;
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::Ways;
use crate::ruleset::{CtKey, Selector};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// What comes behind `ct`.
    pub(super) fn ct(&mut self, start: Span) -> Parsed<Selector> {
        let first = self.word("a key of ct")?;
        let reply = match &*first {
            "original" => false,
            "reply" => true,
            _ => return self.ct_key(&first, start).map(Selector::Ct),
        };
        let key = self.word("a key of ct")?;
        let ways = if reply { Ways::Reply } else { Ways::Original };
        let (v6, key) = match &*key {
            "ip" => (Some(false), self.word("`saddr` or `daddr`")?),
            "ip6" => (Some(true), self.word("`saddr` or `daddr`")?),
            _ => (None, key),
        };
        let found = match (&*key, v6) {
            ("saddr", _) => CtKey::Address { reply, destination: false, v6 },
            ("daddr", _) => CtKey::Address { reply, destination: true, v6 },
            ("proto-src", None) => CtKey::Port { reply, destination: false },
            ("proto-dst", None) => CtKey::Port { reply, destination: true },
            ("l3proto", None) => CtKey::L3Proto,
            ("protocol", None) => CtKey::Protocol,
            ("packets", None) => CtKey::Packets(ways),
            ("bytes", None) => CtKey::Bytes(ways),
            ("avgpkt", None) => CtKey::AveragePacket(ways),
            ("zone", None) if self.at_word("set") => {
                let text = "a zone of one direction is not supported: it is for address translation";
                return self.fail_at(start.to(key.span), text);
            }
            ("zone", None) => CtKey::Zone,
            _ => {
                let text = format!("`{}` is nothing that a direction of a connection has", &*key);
                let mut complaint = Diagnostic::new(key.span, text);
                complaint.help = did_you_mean(&key, DIRECTED);
                return Err(self.fail(complaint));
            }
        };
        Ok(Selector::Ct(found))
    }

    fn ct_key(&mut self, key: &Word, start: Span) -> Parsed<CtKey> {
        let found = match &**key {
            "state" => CtKey::State,
            "direction" => CtKey::Direction,
            "status" => CtKey::Status,
            "mark" => CtKey::Mark,
            "zone" => CtKey::Zone,
            "helper" => CtKey::Helper,
            "expiration" => CtKey::Expiration,
            "l3proto" => CtKey::L3Proto,
            "protocol" => CtKey::Protocol,
            "packets" => CtKey::Packets(Ways::Both),
            "bytes" => CtKey::Bytes(Ways::Both),
            "avgpkt" => CtKey::AveragePacket(Ways::Both),
            _ => return Err(self.unknown_ct_key(key, start)),
        };
        Ok(found)
    }

    fn unknown_ct_key(&mut self, key: &Word, start: Span) -> super::parser::Failed {
        let span = start.to(key.span);
        let complaint = match unsupported::ct(key) {
            Some(why) => Diagnostic::new(span, format!("`ct {}` {why}", &**key)),
            None if DIRECTED.contains(&&**key) || matches!(&**key, "ip" | "ip6") => {
                Diagnostic::new(span, "this needs a direction: `ct original` or `ct reply`")
            }
            None => {
                let text = format!("`{}` is not a key of ct", &**key);
                let mut complaint = Diagnostic::new(key.span, text);
                complaint.help = did_you_mean(key, KEYS);
                complaint
            }
        };
        self.fail(complaint)
    }
}

const DIRECTED: [&str; 10] =
    ["saddr", "daddr", "proto-src", "proto-dst", "l3proto", "protocol", "packets", "bytes", "avgpkt", "zone"];

const KEYS: [&str; 15] = [
    "state",
    "direction",
    "status",
    "mark",
    "zone",
    "helper",
    "expiration",
    "l3proto",
    "protocol",
    "packets",
    "bytes",
    "avgpkt",
    "original",
    "reply",
    "count",
];
