//! How is an expression written?

use std::fmt::{self, Display, Formatter};

use super::statement::VerdictWords;
use crate::policy::HeaderBase;
use crate::ruleset::{BinaryOperator, Element, Expression, Literal, Selector, Term};

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
            Term::Set(elements) => write!(f, "{}", Elements(elements, ", ")),
            Term::SetName(name) => write!(f, "@{name}"),
            Term::Binary(operator, both) => {
                // The same operator again on the left needs no parentheses.
                match &both.0.term {
                    Term::Binary(inner, _) if inner == operator => write!(f, "{}", Shown(&both.0))?,
                    _ => write!(f, "{}", Tight(&both.0))?,
                }
                write!(f, " {} {}", sign(*operator), Tight(&both.1))
            }
            Term::Any => f.write_str("*"),
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
            Term::List(parts) => joined(f, parts, " | "),
            _ => write!(f, "{}", Shown(self.0)),
        }
    }
}

/// Elements in braces.
pub(super) struct Elements<'a>(pub(super) &'a [Element], pub(super) &'static str);

impl Display for Elements<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{ ")?;
        for (index, element) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(self.1)?;
            }
            write!(f, "{}", Shown(&element.key))?;
            if let Some(comment) = element.comment() {
                write!(f, " comment \"{comment}\"")?;
            }
            if let Some(verdict) = element.verdict() {
                write!(f, " : {}", VerdictWords(verdict))?;
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
        Selector::Header(field) => write!(f, "{} {}", field.protocol.name(), field.name),
        Selector::Meta(key) if key.stands_alone() => f.write_str(key.name()),
        Selector::Meta(key) => write!(f, "meta {}", key.name()),
        Selector::Ct(key) => write!(f, "ct {}", key.name()),
        Selector::Raw { base, offset, width } => {
            let base = match base {
                HeaderBase::Link => "ll",
                HeaderBase::Network => "nh",
                HeaderBase::Transport => "th",
            };
            write!(f, "@{base},{offset},{width}")
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
