//! In which order do the tokens come, over all the files that include one another?

use std::ops::Deref;
use std::sync::Arc;

use super::lexer::{self, Kind, Token};
use crate::diagnostic::{Diagnostic, Source, Span};

/// The tokens of one text and of what it includes.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Every text so far.
    pub(super) sources: Vec<Arc<Source>>,
    /// The texts being read, the innermost last.
    open: Vec<Open>,
    ahead: Option<(Token, u16)>,
    /// Where the last token taken ended.
    pub(super) last: Span,
}

/// A text being read, or waiting for its turn.
#[derive(Debug, Clone, Copy)]
struct Open {
    source: u16,
    /// The next byte.
    at: usize,
    /// How many files it is included by.
    depth: usize,
}

/// A token's text, independent of where it was read from.
#[derive(Debug, Clone)]
pub(super) struct Word {
    source: Arc<Source>,
    pub(super) span: Span,
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        let (start, end) = (self.span.start as usize, self.span.end as usize);
        self.source.text.get(start..end).unwrap_or_default()
    }
}

impl Tokens {
    /// Nothing to read yet; `sources` were read before.
    pub(super) fn after(sources: Vec<Source>) -> Self {
        Self { sources: sources.into_iter().map(Arc::new).collect(), ..Self::default() }
    }

    /// Reads `sources` from here on, one after the other, then goes on where it was.
    pub(super) fn enter(&mut self, sources: Vec<Source>) -> Result<(), &'static str> {
        let depth = self.open.last().map_or(0, |open| open.depth + 1);
        if depth > DEEPEST_INCLUDE {
            return Err("files include one another more than 16 deep");
        }
        let mut entered = Vec::with_capacity(sources.len());
        for source in sources {
            if source.text.len() >= u32::MAX as usize {
                return Err("this file is larger than 4 GiB");
            }
            let Ok(number) = u16::try_from(self.sources.len()) else {
                return Err("more than 65,535 files are included");
            };
            self.sources.push(Arc::new(source));
            entered.push(Open { source: number, at: 0, depth });
        }
        self.open.extend(entered.into_iter().rev());
        self.ahead = None;
        Ok(())
    }

    /// Whether the file called `name` is being read, and not merely waiting.
    pub(super) fn is_open(&self, name: &str) -> bool {
        let mut depth = usize::MAX;
        self.open.iter().rev().any(|open| {
            let reading = open.depth < depth;
            depth = depth.min(open.depth);
            reading && self.sources[usize::from(open.source)].name == name
        })
    }

    /// The file being read.
    pub(super) fn current(&self) -> u16 {
        self.open.last().map_or(0, |open| open.source)
    }

    /// The next token, not taken.
    pub(super) fn peek(&mut self) -> (Kind, Span) {
        let (token, source) = match self.ahead {
            Some(known) => known,
            None => self.read(),
        };
        self.ahead = Some((token, source));
        (token.kind, Span::new(source, token.start, token.end))
    }

    /// Takes the next token. At the end of the outermost text it stays where it is.
    pub(super) fn take(&mut self) -> (Kind, Span) {
        let (kind, span) = self.peek();
        self.ahead = None;
        if kind == Kind::Newline && span.start == span.end {
            self.open.pop();
        } else if let Some(open) = self.open.last_mut() {
            open.at = span.end as usize;
            self.last = span;
        }
        (kind, span)
    }

    /// The token behind the next one, on the same file.
    pub(super) fn second(&mut self) -> Kind {
        let (_, span) = self.peek();
        let source = &self.sources[usize::from(span.source)];
        lexer::next(&source.text, span.end as usize).kind
    }

    /// The word behind the next token, if there is one.
    pub(super) fn second_word(&mut self) -> Option<Word> {
        let (_, span) = self.peek();
        let source = &self.sources[usize::from(span.source)];
        let token = lexer::next(&source.text, span.end as usize);
        (token.kind == Kind::Word).then(|| self.word(Span::new(span.source, token.start, token.end)))
    }

    /// Whether the word behind the next two tokens is this one.
    pub(super) fn third_word_is(&mut self, wanted: &str) -> bool {
        let (_, span) = self.peek();
        let text = &self.sources[usize::from(span.source)].text;
        let second = lexer::next(text, span.end as usize);
        let third = lexer::next(text, second.end as usize);
        third.kind == Kind::Word && text.get(third.start as usize..third.end as usize) == Some(wanted)
    }

    /// Takes the letters and digits behind `span`, the token taken last, with it.
    pub(super) fn extend(&mut self, span: Span) -> Span {
        let rest = self.sources[usize::from(span.source)].text.as_bytes();
        let rest = rest.get(span.end as usize..).unwrap_or_default();
        let more = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let end = span.end + u32::try_from(more).unwrap_or(0);
        self.ahead = None;
        if let Some(open) = self.open.last_mut() {
            open.at = end as usize;
        }
        self.last = Span { end, ..span };
        self.last
    }

    /// Whether a word starts where `span` ends.
    pub(super) fn touches_word(&self, span: Span) -> bool {
        let source = &self.sources[usize::from(span.source)];
        source.text.as_bytes().get(span.end as usize).is_some_and(u8::is_ascii_alphabetic)
    }

    /// The text of `span`.
    pub(super) fn word(&self, span: Span) -> Word {
        Word { source: Arc::clone(&self.sources[usize::from(span.source)]), span }
    }

    /// The end of an included file reads as the end of a line, without a byte.
    fn read(&self) -> (Token, u16) {
        let Some(&Open { source: number, at, .. }) = self.open.last() else {
            return (lexer::next("", 0), 0);
        };
        let mut token = lexer::next(&self.sources[usize::from(number)].text, at);
        if token.kind == Kind::End && self.open.len() > 1 {
            token.kind = Kind::Newline;
        }
        (token, number)
    }
}

/// What is said of a token that cannot stand where it stands.
pub(super) fn unexpected(found: Kind, span: Span, text: &str, wanted: &str) -> Diagnostic {
    let what = match found {
        Kind::Bad(why) => return Diagnostic::new(span, why),
        Kind::End => "the end of the file".to_owned(),
        Kind::Newline => "the end of the line".to_owned(),
        _ => format!("`{}`", text.chars().take(40).collect::<String>()),
    };
    Diagnostic::new(span, format!("expected {wanted}, found {what}"))
}

const DEEPEST_INCLUDE: usize = 16;
