//! Which words of a rule belong together? Options with their values, by the match or target they belong to.
//!
//! As in iptables, an option belongs to the last match named before it that has such an option; without
//! one, the match of the protocol is loaded for it.

use super::Version;
use super::dump::unexpected;
use super::lexer::Token;
use super::modules::{BASICS, Module, Opt, TARGETS, implied, named};
use crate::diagnostic::{Diagnostic, Span};
use crate::suggestion::did_you_mean;

/// An option as written.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) option: &'static Opt,
    /// All of it, the `!` before it included.
    pub(super) span: Span,
    pub(super) negated: bool,
    pub(super) values: Vec<Token>,
}

impl Given {
    /// Its first value; every option that is asked for one has one.
    pub(super) fn value(&self) -> &Token {
        &self.values[0]
    }
}

/// A match or target with its options.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) module: &'static Module,
    pub(super) span: Span,
    pub(super) given: Vec<Given>,
}

impl Loaded {
    const fn new(module: &'static Module, span: Span) -> Self {
        Self { module, span, given: Vec::new() }
    }

    /// The option `name`, if it is given.
    pub(super) fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.option.name() == name)
    }
}

/// Where a packet goes.
#[derive(Debug)]
pub(super) struct Jump {
    pub(super) name: Token,
    /// `-g` instead of `-j`.
    pub(super) goto: bool,
    pub(super) span: Span,
    /// The target of this name, unless it is a chain.
    pub(super) target: Option<Loaded>,
}

/// The words of a rule in order.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) basics: Loaded,
    pub(super) matches: Vec<Loaded>,
    pub(super) jump: Option<Jump>,
    /// Something of it was refused already.
    pub(super) refused: bool,
}

/// Sorts the words of a rule.
pub(super) fn sort(words: &[Token], span: Span, version: Version, errors: &mut Vec<Diagnostic>) -> Written {
    let written =
        Written { basics: Loaded::new(&BASICS, span), matches: Vec::new(), jump: None, refused: false };
    let mut sorter = Sorter {
        words,
        at: 0,
        joined: None,
        version,
        written,
        errors,
        lenient: false,
        skipping: false,
        implied: false,
    };
    while let Some(word) = sorter.next() {
        if let Err(error) = sorter.word(word) {
            sorter.written.refused = true;
            sorter.skipping = true;
            sorter.errors.push(error);
        }
    }
    sorter.written
}

struct Sorter<'a> {
    words: &'a [Token],
    at: usize,
    /// The value written in one word with the option being read: `--dport=22`, `-ptcp`.
    joined: Option<Token>,
    version: Version,
    written: Written,
    errors: &'a mut Vec<Diagnostic>,
    /// A match or target was refused: words that nothing knows may be its.
    lenient: bool,
    /// The last option was refused: words before the next may be its.
    skipping: bool,
    /// The match of the protocol was loaded.
    implied: bool,
}

impl<'a> Sorter<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    fn value(&mut self, option: &Token) -> Result<Token, Diagnostic> {
        if let Some(joined) = self.joined.take() {
            return Ok(joined);
        }
        let missing = || Diagnostic::new(option.span, format!("`{}` needs a value", option.text));
        self.next().cloned().ok_or_else(missing)
    }

    fn word(&mut self, word: &'a Token) -> Result<(), Diagnostic> {
        if !word.is("!") {
            return self.option(word, None);
        }
        match self.next() {
            Some(option) if !option.is("!") => self.option(option, Some(word.span)),
            _ => Err(Diagnostic::new(word.span, "`!` must stand before an option")),
        }
    }

    fn option(&mut self, word: &'a Token, not: Option<Span>) -> Result<(), Diagnostic> {
        let plain = |name: &str| match not {
            Some(span) => Err(Diagnostic::new(span, format!("`!` cannot stand before `{name}`"))),
            None => Ok(()),
        };
        let name = match word.text.as_str() {
            text if text.starts_with("--") => {
                let (name, joined) = word.split_once('=');
                self.joined = joined;
                name
            }
            text if text.starts_with('-') && text.len() > 2 && text.is_char_boundary(2) => {
                self.joined = Some(word.piece(2, text.len()));
                word.piece(0, 2)
            }
            _ => word.clone(),
        };
        self.skipping &= !name.text.starts_with('-');
        let done = match name.text.as_str() {
            "-m" | "--match" => plain("-m").and_then(|()| self.load(&name)),
            "-j" | "--jump" | "-g" | "--goto" => plain(&name.text).and_then(|()| self.jump(&name)),
            text if text.starts_with('-') && text.len() > 1 => self.give(&name, not),
            _ if self.lenient || self.skipping => Ok(()),
            _ => Err(unexpected(word)),
        };
        match (done, self.joined.take()) {
            (Ok(()), Some(joined)) if !self.lenient => {
                let message = format!("`{}` takes no value", name.text);
                Err(Diagnostic::new(joined.span, message))
            }
            (done, _) => done,
        }
    }

    /// `-m NAME`
    fn load(&mut self, word: &Token) -> Result<(), Diagnostic> {
        let name = self.value(word)?;
        match named(&name.text, self.version) {
            Ok(module) => {
                self.written.matches.push(Loaded::new(module, name.span));
                Ok(())
            }
            Err(message) => {
                self.lenient = true;
                Err(Diagnostic::new(name.span, message))
            }
        }
    }

    /// `-j NAME`
    fn jump(&mut self, word: &Token) -> Result<(), Diagnostic> {
        let name = self.value(word)?;
        let span = word.span.to(name.span);
        if self.written.jump.is_some() {
            return Err(Diagnostic::new(span, "a rule has one `-j` or `-g`"));
        }
        let goto = word.text == "-g" || word.text == "--goto";
        let module = TARGETS.iter().find(|module| !goto && module.names.contains(&name.text.as_str()));
        self.lenient |= module.is_none();
        let target = module.map(|module| Loaded::new(module, name.span));
        self.written.jump = Some(Jump { name, goto, span, target });
        Ok(())
    }

    /// Any other option.
    fn give(&mut self, name: &Token, not: Option<Span>) -> Result<(), Diagnostic> {
        let Some((owner, option)) = self.owner(&name.text) else {
            return if self.lenient { Ok(()) } else { Err(self.unknown(name)) };
        };
        let mut span = not.unwrap_or(name.span).to(name.span);
        let mut negated = not.is_some();
        let mut values: Vec<Token> = Vec::new();
        let mut wanted = option.values;
        while values.len() < wanted {
            let value = self.value(name)?;
            if value.is("!") && values.is_empty() {
                if negated {
                    return Err(Diagnostic::new(value.span, "`!` stands here twice"));
                }
                negated = true;
                continue;
            }
            span = span.to(value.span);
            // `-c PACKETS BYTES` or `-c PACKETS,BYTES`
            wanted += usize::from(option.name() == "-c" && wanted == 1 && !value.text.contains(','));
            values.push(value);
        }
        if let Some(why) = option.refused {
            let message = format!("`{}` is not supported: {why}", name.text);
            return Err(Diagnostic::new(span, message));
        }
        if negated && !option.negatable {
            return Err(Diagnostic::new(span, format!("`{}` cannot be negated", name.text)));
        }
        let loaded = match owner {
            Owner::Basics => &mut self.written.basics,
            Owner::Match(at) => &mut self.written.matches[at],
            Owner::Target => match self.written.jump.as_mut().and_then(|jump| jump.target.as_mut()) {
                Some(target) => target,
                None => return Ok(()),
            },
        };
        if loaded.get(option.name()).is_some() {
            return Err(Diagnostic::new(span, format!("`{}` is given twice", name.text)));
        }
        loaded.given.push(Given { option, span, negated, values });
        Ok(())
    }

    /// Who has an option called `name`.
    fn owner(&mut self, name: &str) -> Option<(Owner, &'static Opt)> {
        if let Some(option) = BASICS.option(name) {
            return Some((Owner::Basics, option));
        }
        let target = self.written.jump.as_ref().and_then(|jump| jump.target.as_ref());
        if let Some(option) = target.and_then(|target| target.module.option(name)) {
            return Some((Owner::Target, option));
        }
        let loaded = self.written.matches.iter().enumerate().rev();
        let found = loaded.filter_map(|(at, loaded)| Some((at, loaded.module.option(name)?))).next();
        if let Some((at, option)) = found {
            return Some((Owner::Match(at), option));
        }
        if self.implied {
            return None;
        }
        let protocol = self.written.basics.get("-p")?;
        let module = implied(&protocol.value().text, self.version)?;
        let option = module.option(name)?;
        let span = protocol.span;
        self.implied = true;
        self.written.matches.push(Loaded::new(module, span));
        Some((Owner::Match(self.written.matches.len() - 1), option))
    }

    fn unknown(&self, name: &Token) -> Diagnostic {
        let error = Diagnostic::new(name.span, format!("unknown option `{}`", name.text));
        let protocol = self.written.basics.get("-p").map(|given| given.value().text.as_str());
        let implied = protocol.and_then(|protocol| implied(protocol, self.version));
        let loaded = self.written.matches.iter().map(|loaded| loaded.module);
        let known = implied
            .into_iter()
            .chain(loaded)
            .chain([&BASICS])
            .flat_map(|module| module.options)
            .flat_map(|option| option.names);
        if PORTS.contains(&name.text.as_str()) {
            return error.help("ports need a protocol that has them before: `-p tcp`");
        }
        match did_you_mean(&name.text, known.copied()) {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

/// Whose option it is.
enum Owner {
    Basics,
    /// An index into the matches.
    Match(usize),
    Target,
}

const PORTS: [&str; 6] =
    ["--sport", "--dport", "--source-port", "--destination-port", "--sports", "--dports"];
