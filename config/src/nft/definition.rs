//! What can stand in any block: `include`, and the definition of variables.

use super::keywords::{is_keyword, is_value};
use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Source, Span};
use crate::ruleset::{Expression, Literal, Term};

impl Parser<'_> {
    /// Reads `include`, `define`, `redefine` or `undefine` and the end of the statement; whether one of
    /// them came next.
    pub(super) fn definition(&mut self) -> Parsed<bool> {
        let Some(word) = self.peek_word() else {
            return Ok(false);
        };
        match &*word {
            "include" => {
                self.include()?;
                return Ok(true);
            }
            "define" => self.define(false)?,
            "redefine" => self.define(true)?,
            "undefine" => {
                self.tokens.take();
                let name = self.word("the name of a variable")?;
                self.variables.undefine(&name);
            }
            _ => return Ok(false),
        }
        self.end_of_statement()?;
        Ok(true)
    }

    fn define(&mut self, again: bool) -> Parsed<()> {
        self.tokens.take();
        let name = self.word("the name of a variable")?;
        self.expect_sign("=")?;
        self.weight = 0;
        let value = if self.at_sign("-") { self.negative()? } else { self.right()? };
        if let Some((word, span)) = reserved(&value) {
            let text = format!("`{word}` is a word of the language: no variable holds it");
            return Err(
                self.fail(Diagnostic::new(span, text).help("a name that reads like one goes in quotes"))
            );
        }
        if !again && self.variables.is_defined_here(&name) {
            let text = format!("variable `{}` is already defined", &*name);
            return Err(self.fail(Diagnostic::new(name.span, text).help("`redefine` changes it")));
        }
        self.variables.define(&name, name.span, value, self.weight);
        Ok(())
    }

    /// `-NUMBER`, which only a priority can use: kept as a word.
    fn negative(&mut self) -> Parsed<Expression> {
        let minus = self.expect_sign("-")?;
        let number = self.number("a number")?;
        let text = format!("-{}", number.node);
        let term = Term::Literal(Literal::Word(text.into()));
        Ok(Expression::new(term, minus.to(number.span)))
    }

    fn include(&mut self) -> Parsed<()> {
        self.tokens.take();
        let pattern = self.text("a path in quotes")?;
        let number = usize::from(self.tokens.current());
        let from = self.tokens.sources[number].name.clone();
        // The end of this line is read before the file, so that what follows starts afresh.
        let (kind, span) = self.peek();
        if span.start < span.end {
            self.end_of_statement()?;
        } else if !matches!(kind, Kind::Newline | Kind::End) {
            return self.fail_expected("the end of the line");
        }
        let found = match self.files.find(&pattern.node, &from) {
            Ok(found) => found,
            Err(why) => {
                let text = format!("cannot include `{}`: {why}", pattern.node);
                return self.included_badly(pattern.span, text);
            }
        };
        let mut sources = Vec::with_capacity(found.len());
        for path in found {
            if self.tokens.is_open(&path) {
                return self.included_badly(pattern.span, format!("`{path}` includes itself"));
            }
            match self.files.read(&path) {
                Ok(text) => {
                    self.variables.grant(text.len());
                    sources.push(Source::new(path, text));
                }
                Err(why) => {
                    return self.included_badly(pattern.span, format!("cannot read `{path}`: {why}"));
                }
            }
        }
        match self.tokens.enter(sources) {
            Ok(()) => Ok(()),
            Err(why) => self.included_badly(pattern.span, why),
        }
    }

    /// The statement was read to its end: nothing is to be skipped.
    fn included_badly(&mut self, span: Span, why: impl Into<String>) -> Parsed<()> {
        self.errors.push(Diagnostic::new(span, why));
        Ok(())
    }
}

/// A word in `value` that nft reads as part of its language, and where.
fn reserved(value: &Expression) -> Option<(Box<str>, Span)> {
    match &value.term {
        Term::Literal(Literal::Word(word)) if is_keyword(word) && !is_value(word) => {
            Some((word.clone(), value.span))
        }
        Term::List(parts) | Term::Concat(parts) => parts.iter().find_map(reserved),
        Term::Range(both) | Term::Binary(_, both) => reserved(&both.0).or_else(|| reserved(&both.1)),
        Term::Set(elements) => elements.iter().find_map(|element| reserved(&element.key)),
        _ => None,
    }
}
