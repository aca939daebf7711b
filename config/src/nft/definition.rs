//! What can stand in any block: `include`, and the definition of variables.

use std::sync::Arc;

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Source};
use crate::ruleset::{Expression, Literal, Term};

impl Parser<'_> {
    /// Reads `include`, `define`, `redefine` or `undefine`; whether one of them came next.
    pub(super) fn definition(&mut self) -> Parsed<bool> {
        let Some(word) = self.peek_word() else {
            return Ok(false);
        };
        match &*word {
            "include" => self.include()?,
            "define" => self.define(false)?,
            "redefine" => self.define(true)?,
            "undefine" => {
                self.tokens.take();
                let name = self.word("the name of a variable")?;
                if !self.variables.undefine(&name) {
                    let text = format!("variable `{}` is not defined here", &*name);
                    return self.fail_at(name.span, text);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn define(&mut self, again: bool) -> Parsed<()> {
        self.tokens.take();
        let name = self.word("the name of a variable")?;
        self.expect_sign("=")?;
        self.weight = 0;
        let value = if self.at_sign("-") { self.negative()? } else { self.right()? };
        if !again && self.variables.is_defined_here(&name) {
            let text = format!("variable `{}` is already defined", &*name);
            return Err(self.fail(Diagnostic::new(name.span, text).help("`redefine` changes it")));
        }
        self.variables.define(&name, value, self.weight);
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
        if !matches!(self.peek().0, Kind::Newline | Kind::Sign(";" | "}") | Kind::End) {
            return self.fail_expected("the end of the line");
        }
        let found = match self.files.find(&pattern.node, &from) {
            Ok(found) => found,
            Err(why) => {
                let text = format!("cannot include `{}`: {why}", pattern.node);
                return self.fail_at(pattern.span, text);
            }
        };
        for path in found.iter().rev() {
            if self.tokens.is_open(path) {
                return self.fail_at(pattern.span, format!("`{path}` includes itself"));
            }
            let text = match self.files.read(path) {
                Ok(text) => text,
                Err(why) => {
                    return self.fail_at(pattern.span, format!("cannot read `{path}`: {why}"));
                }
            };
            let source = Arc::new(Source::new(path.clone(), text));
            if let Err(why) = self.tokens.enter(source) {
                return self.fail_at(pattern.span, why);
            }
        }
        Ok(())
    }
}
