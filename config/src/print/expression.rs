//! How is an expression written?

use std::fmt::{self, Display, Formatter};

use super::name::Comment;
use super::older;
use super::statement::{VerdictWords, write_statement};
use crate::policy::{HeaderBase, Part};
use crate::ruleset::{
    BinaryOperator, Elements, Expression, Literal, MapSource, Protocol, Selector, Term, options,
};
use crate::value_names::written_duration;

/// An expression as nft reads it.
pub(super) struct Shown<'a>(pub(super) &'a Expression);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.term {
            Term::Literal(literal) => write_literal(f, literal),
            Term::Selector(selector) => write_selector(f, *selector),
            Term::Range(both) => {
                let dash = if is_word(&both.0) || is_word(&both.1) { " - " } else { "-" };
                write!(f, "{}{dash}{}", Tight(&both.0), Tight(&both.1))
            }
            Term::Prefix(base, bits) => write!(f, "{}/{bits}", Tight(base)),
            Term::Concat(parts) => joined(f, parts, " . "),
            Term::List(parts) => joined(f, parts, ","),
            Term::Set(elements) => write!(f, "{}", Braces(elements, ", ")),
            Term::SetName(name) => write!(f, "@{name}"),
            Term::Binary(operator, both) => {
                operand(f, *operator, &both.0)?;
                write!(f, " {} ", sign(*operator))?;
                match operator {
                    BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => write!(f, "{}", Tight(&both.1)),
                    _ => operand(f, *operator, &both.1),
                }
            }
            Term::Any => f.write_str("*"),
            Term::Map(key, map) => write!(f, "{} map {}", Shown(key), Source(map)),
        }
    }
}

/// An operand of `operator`: the same operator again needs no parentheses, and shifts bind tighter than all others.
fn operand(f: &mut Formatter<'_>, operator: BinaryOperator, expression: &Expression) -> fmt::Result {
    let shift = |operator| matches!(operator, BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight);
    match &expression.term {
        Term::Binary(inner, _) if *inner == operator => write!(f, "{}", Shown(expression)),
        Term::Binary(inner, _) if shift(*inner) && !shift(operator) => write!(f, "{}", Shown(expression)),
        _ => write!(f, "{}", Tight(expression)),
    }
}

/// A map by its name or with its elements.
pub(super) struct Source<'a>(pub(super) &'a MapSource);

impl Display for Source<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            MapSource::Elements(elements) => write!(f, "{}", Braces(elements, ", ")),
            MapSource::Name(name, _) => write!(f, "@{name}"),
        }
    }
}

/// An expression as an operand: in parentheses if it has operators of its own.
struct Tight<'a>(&'a Expression);

impl Display for Tight<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.term {
            Term::Binary(..) | Term::List(_) => write!(f, "({})", Bits(self.0)),
            _ => write!(f, "{}", Shown(self.0)),
        }
    }
}

/// A list of bits in parentheses is written with `|`, which says the same.
struct Bits<'a>(&'a Expression);

impl Display for Bits<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.term {
            Term::List(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    f.write_str(if index > 0 { " | " } else { "" })?;
                    match part.term {
                        Term::List(_) => write!(f, "{}", Bits(part))?,
                        _ => operand(f, BinaryOperator::Or, part)?,
                    }
                }
                Ok(())
            }
            _ => write!(f, "{}", Shown(self.0)),
        }
    }
}

/// Elements in braces.
pub(super) struct Braces<'a>(pub(super) &'a Elements, pub(super) &'static str);

impl Display for Braces<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (index, element) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            write!(f, "{}", Shown(&element.key))?;
            let Some(extra) = element.extra.as_deref() else { continue };
            for statement in &extra.each {
                f.write_str(" ")?;
                write_statement(f, &statement.kind)?;
            }
            for (word, time) in [("timeout", extra.timeout), ("expires", extra.expires)] {
                if let Some(time) = time {
                    write!(f, " {word} {}", written_duration(time))?;
                }
            }
            if let Some(comment) = &extra.comment {
                write!(f, " comment {}", Comment(comment))?;
            }
            if let Some(verdict) = &extra.verdict {
                write!(f, " : {}", VerdictWords(verdict))?;
            }
            if let Some(data) = &extra.data {
                write!(f, " : {}", Shown(data))?;
            }
        }
        f.write_str(" }")
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expression], separator: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        match part.term {
            Term::Binary(..) | Term::List(_) if separator != ", " => write!(f, "{}", Tight(part))?,
            _ => write!(f, "{}", Shown(part))?,
        }
    }
    Ok(())
}

fn write_literal(f: &mut Formatter<'_>, literal: &Literal) -> fmt::Result {
    match literal {
        Literal::Number(number) if *number > u64::MAX.into() => write!(f, "{number:#x}"),
        Literal::Number(number) => write!(f, "{number}"),
        Literal::Word(word) => f.write_str(word),
        Literal::Text(text) => write!(f, "\"{text}\""),
        Literal::Ipv4(address) => write!(f, "{address}"),
        Literal::Ipv6(address) => write!(f, "{address}"),
        Literal::Mac([a, b, c, d, e, g]) => {
            write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
        }
    }
}

fn write_selector(f: &mut Formatter<'_>, selector: Selector) -> fmt::Result {
    match selector {
        Selector::Header(field) if older::is_raw(field) => write!(f, "@th,{},{}", field.offset, field.width),
        Selector::Header(field) => {
            let name = if field.name == "parameter-problem" { "param-problem" } else { field.name };
            write!(f, "{} {name}", field.protocol.name())
        }
        Selector::Indexed { field, index } => write!(f, "{} {}{index}]", field.protocol.name(), field.name),
        Selector::Meta(key) if key.stands_alone() => f.write_str(key.name()),
        Selector::Meta(key) => write!(f, "meta {}", key.name()),
        Selector::Ct(key) => write!(f, "ct {key}"),
        Selector::Raw { base, offset, width } => {
            let base = match base {
                HeaderBase::Link => "ll",
                HeaderBase::Network => "nh",
                HeaderBase::Transport => "th",
            };
            write!(f, "@{base},{offset},{width}")
        }
        Selector::Option(field) if older::is_raw_option(field) => {
            write!(f, "{} @{},{},{}", options::header_name(field.of), field.kind, field.offset, field.width)
        }
        Selector::Option(field) => {
            write!(f, "{} {} {}", options::header_name(field.of), field.option, field.name)
        }
        Selector::RawOption { of, kind, offset, width } => {
            write!(f, "{} @{kind},{offset},{width}", options::header_name(of))
        }
        Selector::Exists(Part::Extension(number)) => {
            let known = Protocol::ALL.into_iter().find(|known| known.extension() == Some(number));
            write!(f, "exthdr {}", known.map_or("hbh", Protocol::name))
        }
        Selector::Exists(Part::Option(of, kind)) => match options::name_of(of, kind) {
            Some(name) => write!(f, "{} {name}", options::header_name(of)),
            None => write!(f, "{} {kind}", options::header_name(of)),
        },
        Selector::Number { random, modulus, offset } => {
            write!(f, "numgen {} mod {modulus}", if random { "random" } else { "inc" })?;
            if offset > 0 { write!(f, " offset {offset}") } else { Ok(()) }
        }
        Selector::AddressType { destination, device } => {
            let device = device.map_or("", |out| if out { " . oif" } else { " . iif" });
            write!(f, "fib {}{device} type", if destination { "daddr" } else { "saddr" })
        }
    }
}

const fn is_word(expression: &Expression) -> bool {
    matches!(expression.term, Term::Literal(Literal::Word(_) | Literal::Text(_)))
}

const fn sign(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::And => "&",
        BinaryOperator::Or => "|",
        BinaryOperator::Xor => "^",
        BinaryOperator::ShiftLeft => "<<",
        BinaryOperator::ShiftRight => ">>",
    }
}
