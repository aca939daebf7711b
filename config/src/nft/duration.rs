//! How is a lapse of time written? `1d2h3m4s5ms`, or a number of seconds.

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::ruleset::{Literal, Term};
use crate::value_names::duration;

impl Parser<'_> {
    /// A lapse of time, in milliseconds.
    pub(super) fn duration(&mut self) -> Parsed<u64> {
        let kind = self.peek().0;
        let (text, span) = match kind {
            Kind::Number(_) => self.number_and_unit()?,
            Kind::Text => {
                let text = self.text("a time")?;
                (text.node, text.span)
            }
            Kind::Sign("$") => {
                let value = self.variable()?;
                match value.term {
                    Term::Literal(Literal::Word(word) | Literal::Text(word)) => (word.into(), value.span),
                    Term::Literal(Literal::Number(number)) => (number.to_string(), value.span),
                    _ => return self.fail_at(value.span, "this variable does not hold a time"),
                }
            }
            _ => return self.fail_expected("a time, as `1h30m`"),
        };
        match duration(&text) {
            Some(found) => Ok(found),
            None => self.fail_at(span, format!("`{text}` is not a time, as `1h30m` is")),
        }
    }

    /// The number that comes next, and the word that touches it.
    pub(super) fn number_and_unit(&mut self) -> Parsed<(String, Span)> {
        let (_, first) = self.tokens.take();
        let span = self.tokens.extend(first);
        Ok((self.tokens.word(span).to_string(), span))
    }

    /// Whether the number that comes next is touched by a word: a time.
    pub(super) fn at_number_and_unit(&mut self) -> bool {
        let (kind, span) = self.peek();
        matches!(kind, Kind::Number(_)) && self.tokens.touches_word(span)
    }
}
