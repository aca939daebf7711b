//! How does the parser walk, complain and go on? The grammar itself is in the sibling files.

use std::collections::HashSet;

use super::block::InTable;
use super::handles::Handles;
use super::lexer::Kind;
use super::tokens::{Tokens, Word, unexpected};
use super::variables::Variables;
use crate::diagnostic::{Diagnostic, Span};
use crate::files::Files;
use crate::ruleset::{Expression, Literal, Ruleset, Spanned, Term};

/// The parser's state.
pub(super) struct Parser<'a> {
    pub(super) tokens: Tokens,
    pub(super) files: &'a mut dyn Files,
    pub(super) ruleset: Ruleset,
    pub(super) variables: Variables,
    pub(super) errors: Vec<Diagnostic>,
    /// How deep the expression being read may be at most, so far.
    pub(super) weight: u32,
    /// Whether a chain's block is being read: nothing is declared there.
    pub(super) in_chain: bool,
    /// The table whose rules are read.
    pub(super) table: Option<InTable>,
    /// How many chains without a name are open.
    pub(super) bound: usize,
    /// The names that chains without one were given, with their tables.
    pub(super) given: HashSet<(String, String)>,
    /// What the kernel will call things.
    pub(super) handles: Handles,
    /// Whether the text is put into nft's words by us: then `$` in it is a letter like any other.
    pub(super) is_literal: bool,
}

/// The complaint was recorded; go on behind this statement.
#[derive(Debug)]
pub(super) struct Failed;

/// Something read, or a complaint recorded.
pub(super) type Parsed<T> = Result<T, Failed>;

impl Parser<'_> {
    /// Records a complaint.
    pub(super) fn fail(&mut self, what: Diagnostic) -> Failed {
        self.errors.push(what);
        self.ruleset.incomplete |= !self.in_chain;
        Failed
    }

    /// Records a complaint about `span`.
    pub(super) fn fail_at<T>(&mut self, span: Span, message: impl Into<String>) -> Parsed<T> {
        Err(self.fail(Diagnostic::new(span, message)))
    }

    /// Records that the next token is none of what could stand here.
    pub(super) fn fail_expected<T>(&mut self, wanted: &str) -> Parsed<T> {
        let (kind, span) = self.tokens.peek();
        let text = self.tokens.word(span);
        Err(self.fail(unexpected(kind, span, &text, wanted)))
    }

    /// The next token.
    pub(super) fn peek(&mut self) -> (Kind, Span) {
        self.tokens.peek()
    }

    /// The next token, if it is a word.
    pub(super) fn peek_word(&mut self) -> Option<Word> {
        let (kind, span) = self.tokens.peek();
        (kind == Kind::Word).then(|| self.tokens.word(span))
    }

    /// Whether the next token is the word `word`.
    pub(super) fn at_word(&mut self, word: &str) -> bool {
        self.peek_word().is_some_and(|found| &*found == word)
    }

    /// Whether the next token is the sign `sign`.
    pub(super) fn at_sign(&mut self, sign: &str) -> bool {
        matches!(self.tokens.peek().0, Kind::Sign(found) if found == sign)
    }

    /// Takes the next token if it is the word `word`.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.tokens.take();
        }
        found
    }

    /// Takes the next token if it is the sign `sign`.
    pub(super) fn eat_sign(&mut self, sign: &str) -> bool {
        let found = self.at_sign(sign);
        if found {
            self.tokens.take();
        }
        found
    }

    /// Takes the sign `sign`, which must come next.
    pub(super) fn expect_sign(&mut self, sign: &str) -> Parsed<Span> {
        if self.at_sign(sign) {
            return Ok(self.tokens.take().1);
        }
        self.fail_expected(&format!("`{sign}`"))
    }

    /// Takes the word `word`, which must come next.
    pub(super) fn expect_word(&mut self, word: &str) -> Parsed<Span> {
        if self.at_word(word) {
            return Ok(self.tokens.take().1);
        }
        self.fail_expected(&format!("`{word}`"))
    }

    /// Takes a word that must come next.
    pub(super) fn word(&mut self, wanted: &str) -> Parsed<Word> {
        match self.peek_word() {
            Some(word) => {
                self.tokens.take();
                Ok(word)
            }
            None => self.fail_expected(wanted),
        }
    }

    /// A name: a word, a text in quotes or a variable that holds one.
    pub(super) fn name(&mut self, wanted: &str) -> Parsed<Spanned<String>> {
        let (kind, span) = self.peek();
        if kind == Kind::Sign("$") {
            let value = self.variable()?;
            return match value.term {
                Term::Literal(Literal::Word(word) | Literal::Text(word)) => {
                    Ok(Spanned::new(word.into(), value.span))
                }
                _ => self.fail_at(value.span, format!("this variable does not hold {wanted}")),
            };
        }
        if kind == Kind::Text {
            return self.text(wanted);
        }
        let word = self.word(wanted)?;
        if word.ends_with('*') {
            return self.fail_at(span, format!("expected {wanted}, found a pattern"));
        }
        Ok(Spanned::new(word.to_string(), word.span))
    }

    /// A text in quotes, without them.
    pub(super) fn text(&mut self, wanted: &str) -> Parsed<Spanned<String>> {
        let (kind, span) = self.peek();
        if kind != Kind::Text {
            return self.fail_expected(wanted);
        }
        self.tokens.take();
        let word = self.tokens.word(span);
        Ok(Spanned::new(word[1..word.len() - 1].to_owned(), span))
    }

    /// A number of at most 64 bits, or a variable that holds one.
    pub(super) fn number(&mut self, wanted: &str) -> Parsed<Spanned<u64>> {
        let (kind, span) = self.peek();
        let value = match kind {
            Kind::Number(value) => {
                self.tokens.take();
                value
            }
            Kind::Sign("$") => match self.variable()?.term {
                Term::Literal(Literal::Number(value)) => value,
                _ => return self.fail_at(span, format!("this variable does not hold {wanted}")),
            },
            _ => return self.fail_expected(wanted),
        };
        match u64::try_from(value) {
            Ok(value) => Ok(Spanned::new(value, span)),
            Err(_) => self.fail_at(span, "this number is too large"),
        }
    }

    /// The expression that the variable `$name`, which comes next, holds.
    pub(super) fn variable(&mut self) -> Parsed<Expression> {
        let dollar = self.expect_sign("$")?;
        let name = self.word("the name of a variable")?;
        let span = dollar.to(name.span);
        match self.variables.expand(&name, span) {
            Ok((mut value, weight)) => {
                self.deepen(weight, span)?;
                value.span = span;
                Ok(value)
            }
            Err(complaint) => Err(self.fail(complaint)),
        }
    }

    /// Notes that the expression grew deeper by `levels`, and refuses to go too deep.
    pub(super) fn deepen(&mut self, levels: u32, span: Span) -> Parsed<()> {
        self.weight = self.weight.saturating_add(levels);
        if self.weight > DEEPEST_EXPRESSION {
            return self.fail_at(span, "this expression is too deeply nested");
        }
        Ok(())
    }

    /// Whether a statement ends here.
    pub(super) fn at_end(&mut self) -> bool {
        let (kind, _) = self.peek();
        matches!(kind, Kind::End | Kind::Newline | Kind::Sign(";" | "}"))
    }

    /// Takes the end of a statement; a `}` or the end of the file stays.
    pub(super) fn end_of_statement(&mut self) -> Parsed<()> {
        match self.peek().0 {
            Kind::Newline | Kind::Sign(";") => {
                self.tokens.take();
                Ok(())
            }
            Kind::End | Kind::Sign("}") => Ok(()),
            _ => self.fail_expected("the end of the statement"),
        }
    }

    /// Takes ends of lines.
    pub(super) fn skip_newlines(&mut self) {
        while self.peek().0 == Kind::Newline {
            self.tokens.take();
        }
    }

    /// Takes ends of statements.
    pub(super) fn skip_separators(&mut self) {
        while matches!(self.peek().0, Kind::Newline | Kind::Sign(";")) {
            self.tokens.take();
        }
    }

    /// After a complaint: goes behind the end of this statement, over whole blocks, but not out of the
    /// block it stands in.
    pub(super) fn recover(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek().0 {
                Kind::End => return,
                Kind::Sign("}") if depth == 0 => return,
                Kind::Sign("{") => depth += 1,
                Kind::Sign("}") => depth -= 1,
                Kind::Newline | Kind::Sign(";") if depth == 0 => {
                    self.tokens.take();
                    return;
                }
                _ => {}
            }
            self.tokens.take();
        }
    }

    /// Reads `{ item; item }`, going on behind an item that fails.
    pub(super) fn block(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        let open = self.expect_sign("{")?;
        self.variables.open();
        let closed = loop {
            self.skip_separators();
            match self.peek().0 {
                Kind::Sign("}") => break Ok(()),
                Kind::End => {
                    break self.fail_at(open, "this `{` is never closed");
                }
                _ => {}
            }
            if self.common(&mut item).is_err() {
                self.recover();
            }
        };
        self.variables.close();
        self.eat_sign("}");
        closed
    }

    /// What can stand among the items of any block, or an item.
    fn common(&mut self, item: &mut impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        let before = self.peek().1;
        if self.definition()? {
            return Ok(());
        }
        item(self)?;
        if self.peek().1 == before && self.at_sign("}") {
            return Ok(());
        }
        self.end_of_statement()
    }
}

const DEEPEST_EXPRESSION: u32 = 200;
