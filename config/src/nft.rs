//! How is nft's own language read? Text in, a ruleset and every complaint out.

mod block;
mod command;
pub(crate) mod connection;
mod ct;
mod definition;
mod duration;
mod dynamic;
mod expression;
mod handles;
pub(crate) mod keywords;
mod lexer;
pub(crate) mod limits;
pub(crate) mod object;
mod options;
mod parser;
mod rule;
mod selectors;
mod set;
mod tokens;
mod unsupported;
mod variables;

use std::collections::HashSet;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, Sources, Span};
use crate::files::{Files, NoFiles};
use crate::ruleset::{Elements, Literal, Ruleset, Set, Statement};
use handles::Handles;
use parser::Parser;
use tokens::Tokens;
use variables::Variables;

/// Reads `source`, and what it includes, into `ruleset`; complaints go to `errors`. The sources of
/// `ruleset` grow by every text read.
pub(crate) fn parse(
    source: &Source,
    files: &mut dyn Files,
    ruleset: &mut Ruleset,
    errors: &mut Vec<Diagnostic>,
) {
    let known = std::mem::take(&mut ruleset.sources);
    let known = Arc::try_unwrap(known).unwrap_or_else(|shared| (*shared).clone());
    let mut parser = Parser {
        tokens: Tokens::after(known),
        files,
        ruleset: std::mem::take(ruleset),
        variables: Variables::default(),
        errors: std::mem::take(errors),
        weight: 0,
        in_chain: false,
        table: None,
        bound: 0,
        given: HashSet::new(),
        handles: Handles::default(),
        is_literal: false,
    };
    parser.variables.grant(source.text.len());
    match parser.tokens.enter(vec![source.clone()]) {
        Ok(()) => parser.file(),
        Err(why) => {
            parser.fail(Diagnostic::new(parser.tokens.last, why));
        }
    }
    *errors = parser.errors;
    *ruleset = parser.ruleset;
    ruleset.unused_variables.extend(parser.variables.unused());
    let whole = |source: Arc<Source>| Arc::try_unwrap(source).unwrap_or_else(|s| (*s).clone());
    ruleset.sources = Sources::new(parser.tokens.sources.into_iter().map(whole).collect());
}

/// Reads the statements of a rule that were put into nft's words on behalf of what stands at `span`: there they, and
/// what is wrong with them, are said to stand.
pub(crate) fn statements(text: &str, span: Span) -> Result<Vec<Statement>, Diagnostic> {
    let mut errors = Vec::new();
    let mut files = NoFiles;
    let mut parser = Parser {
        tokens: Tokens::default(),
        files: &mut files,
        ruleset: Ruleset::default(),
        variables: Variables::default(),
        errors: Vec::new(),
        weight: 0,
        in_chain: true,
        table: None,
        bound: 0,
        given: HashSet::new(),
        handles: Handles::default(),
        is_literal: true,
    };
    let entered = parser.tokens.enter(vec![Source::new("", text)]);
    let read = entered.is_ok().then(|| parser.rule().ok()).flatten();
    errors.append(&mut parser.errors);
    match (read, errors.into_iter().next()) {
        (Some(rule), None) => {
            let mut statements = rule.statements;
            statements.iter_mut().for_each(|statement| statement.move_to(span));
            Ok(statements)
        }
        (_, why) => Err(refused(text, span, why)),
    }
}

/// Reads the declaration of a set, as [`statements`].
pub(crate) fn set(text: &str, span: Span) -> Result<Set, Diagnostic> {
    let mut set = unmoved(text).map_err(|why| refused(text, span, why))?;
    set.move_to(span);
    Ok(set)
}

/// The elements `text`, between commas, each where it stands in the text that was made of them; complaints are placed at
/// `span`.
pub(crate) fn elements(text: &str, span: Span) -> Result<Elements, Diagnostic> {
    if text.is_empty() {
        return Ok(Elements::default());
    }
    let of_set = unmoved(&format!("set x {{ type mark; elements = {{ {text} }}; }}"));
    of_set.map(|set| set.elements).map_err(|why| refused(text, span, why))
}

fn unmoved(text: &str) -> Result<Set, Option<Diagnostic>> {
    let mut ruleset = Ruleset::default();
    let mut errors = Vec::new();
    let source = Source::new("", format!("table ip x {{\n{text}\n}}\n"));
    parse(&source, &mut NoFiles, &mut ruleset, &mut errors);
    let mut found = ruleset.tables.iter().flat_map(|table| table.sets.iter()).cloned();
    match (found.next(), errors.into_iter().next()) {
        (Some(set), None) => Ok(set),
        (_, why) => Err(why),
    }
}

/// The number or address that `text` is, and nothing else with it: in quotes it means the same.
pub(crate) fn literal_in(text: &str) -> Option<Literal> {
    let token = lexer::next(text, 0);
    let whole = token.start == 0 && usize::try_from(token.end) == Ok(text.len());
    match token.kind {
        lexer::Kind::Number(number) if whole => Some(Literal::Number(number)),
        lexer::Kind::Ipv4(address) if whole => Some(Literal::Ipv4(address)),
        lexer::Kind::Ipv6(address) if whole => Some(Literal::Ipv6(address)),
        lexer::Kind::Mac(address) if whole => Some(Literal::Mac(address)),
        _ => None,
    }
}

fn refused(text: &str, span: Span, why: Option<Diagnostic>) -> Diagnostic {
    let why = why.map_or_else(|| "it cannot be read".to_owned(), |why| why.message);
    Diagnostic::new(span, format!("this is `{}` in nft, which is refused: {why}", text.trim()))
}
