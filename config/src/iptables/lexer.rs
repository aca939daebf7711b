//! Where does a word of a dump begin and end? At blanks, unless in quotes.
//!
//! As iptables-restore reads: `"` opens and closes a quoted stretch, and closing it ends the word; inside,
//! a backslash takes the next character as it is.

use crate::diagnostic::{Diagnostic, Span};

/// A word, its quotes and escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) span: Span,
    /// Whether any of it was in quotes.
    pub(super) quoted: bool,
}

impl Token {
    /// Whether it is the unquoted sign `sign`.
    pub(super) fn is(&self, sign: &str) -> bool {
        !self.quoted && self.text == sign
    }

    /// The place of the bytes `start..end` of the word; all of it where quotes hide their place.
    fn part(&self, start: usize, end: usize) -> Span {
        if self.quoted {
            return self.span;
        }
        let at = |byte: usize| self.span.start.saturating_add(u32::try_from(byte).unwrap_or(u32::MAX));
        Span::new(self.span.source, at(start), at(end))
    }

    /// The pieces between `separator`, each as a word with its place.
    pub(super) fn split(&self, separator: char) -> Vec<Self> {
        let mut start = 0;
        let pieces = self.text.split(separator).map(|piece| {
            let from = start;
            start += piece.len() + separator.len_utf8();
            self.piece(from, from + piece.len())
        });
        pieces.collect()
    }

    /// What stands before and, if there is one, behind the first `separator`.
    pub(super) fn split_once(&self, separator: char) -> (Self, Option<Self>) {
        let Some((before, behind)) = self.text.split_once(separator) else {
            return (self.clone(), None);
        };
        let end = self.text.len();
        (self.piece(0, before.len()), Some(self.piece(end - behind.len(), end)))
    }

    /// The bytes `start..end`, as a word with its place.
    pub(super) fn piece(&self, start: usize, end: usize) -> Self {
        let text = self.text.get(start..end).unwrap_or_default().to_owned();
        Self { text, span: self.part(start, end), quoted: self.quoted }
    }
}

/// A line without its end, and the place of its first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    pub(super) start: u32,
    pub(super) source: u16,
}

impl<'a> Line<'a> {
    /// The lines of a text.
    pub(super) fn all(source: u16, text: &'a str) -> impl Iterator<Item = Self> {
        let mut start = 0_u32;
        text.split_inclusive('\n').map(move |line| {
            let here = start;
            start = start.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
            let text = line.strip_suffix('\n').unwrap_or(line);
            Self { text: text.strip_suffix('\r').unwrap_or(text), start: here, source }
        })
    }

    /// The place of its bytes `start..end`.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let at = |byte: usize| self.start.saturating_add(u32::try_from(byte).unwrap_or(u32::MAX));
        Span::new(self.source, at(start), at(end))
    }

    /// The place of all of it, blanks around left out.
    pub(super) fn whole(&self) -> Span {
        let start = self.text.len() - self.text.trim_start().len();
        self.span(start, start + self.text.trim().len())
    }

    /// Its words from byte `from` on.
    pub(super) fn tokens(&self, from: usize) -> Result<Vec<Token>, Diagnostic> {
        let mut tokens = Vec::new();
        let mut word = Word::default();
        let mut quote = None;
        let mut characters = self.text.char_indices().skip_while(|&(at, _)| at < from);
        while let Some((at, character)) = characters.next() {
            match (quote, character) {
                (Some(_), '\\') => word.push(at, characters.next().map_or('\\', |(_, escaped)| escaped)),
                (Some(_), '"') => {
                    quote = None;
                    word.take(self, at + 1, &mut tokens);
                }
                (None, '"') => {
                    quote = Some(at);
                    word.start.get_or_insert(at);
                    word.quoted = true;
                }
                (None, ' ' | '\t') => word.take(self, at, &mut tokens),
                _ => word.push(at, character),
            }
        }
        if let Some(at) = quote {
            return Err(Diagnostic::new(self.span(at, at + 1), "this quote is never closed"));
        }
        word.take(self, self.text.len(), &mut tokens);
        Ok(tokens)
    }
}

/// A word being read.
#[derive(Default)]
struct Word {
    text: String,
    start: Option<usize>,
    quoted: bool,
}

impl Word {
    fn push(&mut self, at: usize, character: char) {
        self.start.get_or_insert(at);
        self.text.push(character);
    }

    fn take(&mut self, line: &Line<'_>, end: usize, tokens: &mut Vec<Token>) {
        let word = std::mem::take(self);
        if let Some(start) = word.start {
            tokens.push(Token { text: word.text, span: line.span(start, end), quoted: word.quoted });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let line = Line { text, start: 0, source: 0 };
        line.tokens(0).expect("closed").into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn quotes_keep_blanks_and_backslashes_keep_quotes() {
        assert_eq!(words("-A  x\t--comment \"a \\\"b\\\" \\\\\""), ["-A", "x", "--comment", "a \"b\" \\"]);
        assert_eq!(words("a\"b c\"d \"\""), ["ab c", "d", ""]);
        assert_eq!(words("a\\b 'c d'"), ["a\\b", "'c", "d'"]);
    }

    #[test]
    fn a_quote_must_be_closed() {
        let line = Line { text: "ab \"cd", start: 10, source: 3 };
        assert_eq!(line.tokens(0).expect_err("open").span, Span::new(3, 13, 14));
    }

    #[test]
    fn a_piece_knows_its_place() {
        let line = Line { text: "-p 1:22", start: 100, source: 0 };
        let tokens = line.tokens(0).expect("closed");
        let (low, high) = tokens[1].split_once(':');
        assert_eq!(low.span, Span::new(0, 103, 104));
        assert_eq!(high.expect("two").span, Span::new(0, 105, 107));
    }
}
