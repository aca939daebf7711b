//! Which numbers does `1:5`, `0x1/0xff` or `3` mean?

use super::lexer::Token;
use super::ports::integer;
use crate::diagnostic::Diagnostic;

/// A number from `least` to `most`.
pub(super) fn number(token: &Token, least: u64, most: u64) -> Result<u64, Diagnostic> {
    let fits = |number: &u64| (least..=most).contains(number);
    let error = || {
        let message = format!("`{}` is not a number from {least} to {most}", token.text);
        Diagnostic::new(token.span, message)
    };
    integer(&token.text).filter(fits).ok_or_else(error)
}

/// Numbers from one to another, both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Range {
    /// How nft writes it.
    pub(super) fn text(self) -> String {
        if self.low == self.high { self.low.to_string() } else { format!("{}-{}", self.low, self.high) }
    }

    /// The comparison `left` with it, none if every number up to `most` is in it.
    pub(super) fn compare(self, left: &str, negated: bool, most: u64) -> String {
        let Self { low, high } = self;
        match negated {
            false if high >= most => format!("{left} >= {low}"),
            true if high >= most => format!("{left} < {low}"),
            false => format!("{left} {}", self.text()),
            true => format!("{left} != {}", self.text()),
        }
    }
}

/// `N`, or `LOW:HIGH` where either may be left out.
pub(super) fn range(token: &Token, most: u64) -> Result<Range, Diagnostic> {
    let (low, high) = token.split_once(':');
    let end = |token: &Token, missing: u64| match token.text.is_empty() {
        true => Ok(missing),
        false => number(token, 0, most),
    };
    let Some(high) = high else {
        let number = number(&low, 0, most)?;
        return Ok(Range { low: number, high: number });
    };
    let (low, high) = (end(&low, 0)?, end(&high, most)?);
    if low > high {
        return Err(Diagnostic::new(token.span, "the range ends before it starts"));
    }
    Ok(Range { low, high })
}

/// `VALUE` or `VALUE/MASK` of 32 bits; without a mask all bits count.
pub(super) fn masked(token: &Token) -> Result<(u32, u32), Diagnostic> {
    let (value, mask) = token.split_once('/');
    let read = |token: &Token| {
        let number = number(token, 0, u64::from(u32::MAX))?;
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok((read(&value)?, mask.as_ref().map_or(Ok(u32::MAX), read)?))
}
