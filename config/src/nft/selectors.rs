//! How is what a rule looks at written?

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use super::tokens::Word;
use super::unsupported;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::HeaderBase;
use crate::ruleset::{CtKey, Expression, MetaKey, Protocol, Selector};
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
            name => match (alone(name), Protocol::named(name)) {
                (Some(key), _) => Selector::Meta(key),
                (_, Some(protocol)) => self.header(protocol, &first)?,
                _ => return Err(self.fail(unknown_statement(&first))),
            },
        };
        let span = first.span.to(self.tokens.last);
        Ok(Expression::selector(found, span))
    }

    fn meta(&mut self) -> Parsed<Selector> {
        let key = self.word("a key of meta")?;
        if let Some(found) = MetaKey::ALL.into_iter().find(|known| known.name() == &*key) {
            return Ok(Selector::Meta(found));
        }
        let complaint = match unsupported::meta(&key) {
            Some(why) => Diagnostic::new(key.span, format!("`meta {}` {why}", &*key)),
            None => {
                let mut complaint = Diagnostic::new(key.span, format!("`{}` is not a key of meta", &*key));
                complaint.help = did_you_mean(&key, MetaKey::ALL.map(MetaKey::name));
                complaint
            }
        };
        Err(self.fail(complaint))
    }

    fn ct(&mut self, start: Span) -> Parsed<Selector> {
        let key = self.word("a key of ct")?;
        let found = match &*key {
            "state" => CtKey::State,
            "direction" => CtKey::Direction,
            _ => {
                let span = start.to(key.span);
                let complaint = match unsupported::ct(&key) {
                    Some(why) => Diagnostic::new(span, format!("`ct {}` {why}", &*key)),
                    None => {
                        let text = format!("`{}` is not a key of ct", &*key);
                        let mut complaint = Diagnostic::new(key.span, text);
                        complaint.help = did_you_mean(&key, ["state", "direction"]);
                        complaint
                    }
                };
                return Err(self.fail(complaint));
            }
        };
        Ok(Selector::Ct(found))
    }

    fn header(&mut self, protocol: Protocol, first: &Word) -> Parsed<Selector> {
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
        if let Some(why) = unsupported::field(protocol, &name) {
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
            "ih" => return self.fail_at(base.span, "`@ih` is not supported yet"),
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
    let mut keys = MetaKey::ALL.into_iter();
    keys.find(|key| key.stands_alone() && key.name() == name)
}

/// What is said of a word no statement starts with.
fn unknown_statement(word: &Word) -> Diagnostic {
    if let Some(why) = unsupported::statement(word) {
        return Diagnostic::new(word.span, format!("`{}` {why}", &**word));
    }
    let known = Protocol::ALL.map(Protocol::name).into_iter();
    let known = known.chain(MetaKey::ALL.into_iter().filter(|k| k.stands_alone()).map(MetaKey::name));
    let text = format!("`{}` starts no statement", &**word);
    let mut complaint = Diagnostic::new(word.span, text);
    complaint.help = did_you_mean(word, known.chain(STATEMENTS));
    complaint
}

const STATEMENTS: [&str; 12] = [
    "accept", "drop", "continue", "return", "jump", "goto", "reject", "counter", "comment", "notrack",
    "meta", "ct",
];
