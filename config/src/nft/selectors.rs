//! How is what a rule looks at written?

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::tokens::Word;
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{HeaderBase, OptionOf};
use crate::ruleset::{Expression, MetaKey, Protocol, Selector};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// `tcp dport`, `meta l4proto`, `iifname`, `ct state`, `@nh,96,32`
    pub(super) fn selector(&mut self) -> Parsed<Expression> {
        if self.at_sign("@") {
            return self.raw();
        }
        if let (Kind::Text, span) = self.peek() {
            return self.fail_at(span, "expected a statement, found a text in quotes");
        }
        let first = self.word("a statement")?;
        let found = match &*first {
            "meta" => self.meta()?,
            "ct" => self.ct(first.span)?,
            "exthdr" => self.extension_exists()?,
            "numgen" => self.number_generator()?,
            "fib" => self.fib(first.span)?,
            name => match (alone(name), Protocol::named(name)) {
                (Some(key), _) => self.meta_key(key, first.span),
                (_, Some(protocol)) => self.header(protocol, &first)?,
                _ => return Err(self.fail(unknown_statement(&first))),
            },
        };
        let span = first.span.to(self.tokens.last);
        Ok(Expression::selector(found, span))
    }

    /// Whether something of the packet comes next.
    pub(super) fn at_selector(&mut self) -> bool {
        if self.at_sign("@") {
            return self.tokens.second_word().is_some_and(|word| matches!(&*word, "ll" | "nh" | "th" | "ih"));
        }
        self.peek_word().is_some_and(|word| {
            matches!(&*word, "meta" | "ct" | "exthdr" | "numgen" | "fib")
                || alone(&word).is_some()
                || Protocol::named(&word).is_some()
                || unsupported::selector(&word)
        })
    }

    /// Times are those of Greenwich: who runs it should know.
    fn meta_key(&mut self, key: MetaKey, span: Span) -> Selector {
        if key.is_time() {
            let text = "times are read in UTC, whatever the time zone of this machine";
            self.ruleset.notes.push(Diagnostic::new(span, text));
        }
        Selector::Meta(key)
    }

    /// What comes behind `numgen`: `inc mod 10 [offset 5]`.
    fn number_generator(&mut self) -> Parsed<Selector> {
        let word = self.word("`inc` or `random`")?;
        let random = match &*word {
            "inc" => false,
            "random" => true,
            _ => return self.fail_at(word.span, "expected `inc` or `random`"),
        };
        self.expect_word("mod")?;
        let span = self.peek().1;
        let modulus: u32 = self.small("a number")?;
        let offset: u32 = if self.eat_word("offset") { self.small("a number")? } else { 0 };
        if modulus == 0 || offset.checked_add(modulus - 1).is_none() {
            return self.fail_at(span, "there are no such numbers of 32 bits");
        }
        Ok(Selector::Number { random, modulus, offset })
    }

    /// What comes behind `fib`: only the type of an address can be answered.
    fn fib(&mut self, start: Span) -> Parsed<Selector> {
        const KEYS: [&str; 5] = ["saddr", "daddr", "mark", "iif", "oif"];
        let mut keys = Vec::new();
        loop {
            let key = self.word("`saddr` or `daddr`")?;
            if !KEYS.contains(&&*key) {
                return self.fail_at(key.span, format!("`{}` is not a key of fib", &*key));
            }
            keys.push(key.to_string());
            if !self.eat_sign(".") {
                break;
            }
        }
        let result = self.word("`type`")?;
        if !matches!(&*result, "type" | "oif" | "oifname" | "check") {
            return self.fail_at(result.span, format!("`{}` is nothing that fib knows", &*result));
        }
        match (&*result, keys.iter().map(String::as_str).collect::<Vec<_>>().as_slice()) {
            ("type", [address @ ("saddr" | "daddr"), rest @ ..]) if matches!(rest, [] | ["iif" | "oif"]) => {
                let device = rest.first().map(|device| *device == "oif");
                Ok(Selector::AddressType { destination: *address == "daddr", device })
            }
            _ => {
                let text = "this look-up is not supported: a wire has no routing table";
                let complaint = Diagnostic::new(start.to(result.span), text).help(
                    "`fib saddr type` and `fib daddr type` can be answered; name what is spoofed by prefix (firewalld \
                     writes no such rule with `IPv6_rpfilter=no`)",
                );
                Err(self.fail(complaint))
            }
        }
    }

    fn meta(&mut self) -> Parsed<Selector> {
        let key = self.word("a key of meta")?;
        if let Some(found) = MetaKey::ALL.iter().copied().find(|known| known.name() == &*key) {
            return Ok(self.meta_key(found, key.span));
        }
        let complaint = match unsupported::meta(&key) {
            Some(why) => Diagnostic::new(key.span, format!("`meta {}` {why}", &*key)),
            None => {
                let mut complaint = Diagnostic::new(key.span, format!("`{}` is not a key of meta", &*key));
                complaint.help = did_you_mean(&key, MetaKey::ALL.iter().map(|known| known.name()));
                complaint
            }
        };
        Err(self.fail(complaint))
    }

    fn header(&mut self, protocol: Protocol, first: &Word) -> Parsed<Selector> {
        let options = match (protocol, self.peek_word().as_deref()) {
            (Protocol::Tcp, Some("option")) => Some(OptionOf::Tcp),
            (Protocol::Ip, Some("option")) => Some(OptionOf::Ipv4),
            (Protocol::Sctp, Some("chunk")) => Some(OptionOf::Sctp),
            (Protocol::Dccp, Some("option")) => Some(OptionOf::Dccp),
            _ => None,
        };
        if let Some(of) = options {
            self.tokens.take();
            return self.option(of);
        }
        let name = self.word(&format!("a field of {}", protocol.name()))?;
        let whole = match &*name {
            "saddr" | "daddr" if protocol == Protocol::Arp => {
                let kind = self.word("`ip` or `ether`")?;
                format!("{} {}", &*name, &*kind)
            }
            short => unsupported::current_name(protocol, short).to_owned(),
        };
        if let Some(found) = Selector::header(protocol.name(), &whole) {
            return Ok(found);
        }
        if let Some(Selector::Header(field)) = Selector::header(protocol.name(), &format!("{whole}["))
            && self.eat_sign("[")
        {
            let index = self.small("a number")?;
            self.expect_sign("]")?;
            if index >= MOST_ADDRESSES {
                return self.fail_at(self.tokens.last, "an extension header has no room for so many");
            }
            return Ok(Selector::Indexed { field, index });
        }
        if let Some(why) = unsupported::inner(protocol, &name) {
            let span = first.span.to(name.span);
            return self.fail_at(span, format!("`{} {}` {why}", protocol.name(), &*name));
        }
        let text = format!("`{}` is not a field of {}", &*name, protocol.name());
        let mut complaint = Diagnostic::new(name.span, text);
        complaint.help = did_you_mean(&name, protocol.fields().iter().map(|field| field.name));
        Err(self.fail(complaint))
    }

    /// `@base,offset,width`
    fn raw(&mut self) -> Parsed<Expression> {
        let start = self.expect_sign("@")?;
        let base = self.word("`ll`, `nh` or `th`")?;
        let base = match &*base {
            "ll" => HeaderBase::Link,
            "nh" => HeaderBase::Network,
            "th" => HeaderBase::Transport,
            "ih" => {
                let text = "`@ih` is not supported: rules see no further than the transport header";
                return self.fail_at(base.span, text);
            }
            _ => {
                let text = format!("`{}` is not a header: `ll`, `nh` or `th`", &*base);
                return self.fail_at(base.span, text);
            }
        };
        self.expect_sign(",")?;
        let offset = self.number("an offset in bits")?;
        self.expect_sign(",")?;
        let width = self.number("a width in bits")?;
        let span = start.to(width.span);
        match (u16::try_from(offset.node), u16::try_from(width.node)) {
            (Ok(offset), Ok(width @ 1..=128)) => {
                let raw = Selector::Raw { base, offset, width };
                Ok(Expression::selector(raw, span))
            }
            (Err(_), _) => self.fail_at(offset.span, "this offset is beyond any packet"),
            _ => self.fail_at(width.span, "a width is 1 to 128 bits"),
        }
    }
}

fn alone(name: &str) -> Option<MetaKey> {
    let mut keys = MetaKey::ALL.iter().copied();
    keys.find(|key| key.may_stand_alone() && key.name() == name)
}

/// What is said of a word no statement starts with.
fn unknown_statement(word: &Word) -> Diagnostic {
    if let Some(why) = unsupported::statement(word) {
        return Diagnostic::new(word.span, format!("`{}` {why}", &**word));
    }
    let known = Protocol::ALL.map(Protocol::name).into_iter();
    let known = known.chain(MetaKey::ALL.iter().filter(|k| k.may_stand_alone()).map(|k| k.name()));
    let text = format!("`{}` starts no statement", &**word);
    let mut complaint = Diagnostic::new(word.span, text);
    complaint.help = did_you_mean(word, known.chain(STATEMENTS));
    complaint
}

/// Of 16 bytes each, in an extension header of 255 units of 8 bytes.
const MOST_ADDRESSES: u8 = 127;

const STATEMENTS: [&str; 19] = [
    "accept", "drop", "continue", "return", "jump", "goto", "reject", "counter", "comment", "notrack",
    "meta", "ct", "limit", "quota", "log", "add", "update", "delete", "meter",
];
