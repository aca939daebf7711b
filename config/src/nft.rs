//! How is nft's own language read? Text in, a ruleset and every complaint out.

mod block;
mod command;
mod ct;
mod definition;
mod duration;
mod dynamic;
mod expression;
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

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, Sources};
use crate::files::Files;
use crate::ruleset::Ruleset;
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
    };
    match parser.tokens.enter(vec![source.clone()]) {
        Ok(()) => parser.file(),
        Err(why) => {
            parser.fail(Diagnostic::new(parser.tokens.last, why));
        }
    }
    *errors = parser.errors;
    *ruleset = parser.ruleset;
    let whole = |source: Arc<Source>| Arc::try_unwrap(source).unwrap_or_else(|s| (*s).clone());
    ruleset.sources = Sources::new(parser.tokens.sources.into_iter().map(whole).collect());
}
