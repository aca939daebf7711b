//! Which L4 ports does `22`, `ssh` or `1024:65535` mean?

use std::ops::RangeInclusive;

use super::build;
use super::lexer::Token;
use crate::diagnostic::{Diagnostic, Span};
use crate::ruleset::Expression;
use crate::services;
use crate::suggestion::did_you_mean;

/// Ports from the first to the last, both belong to it.
pub(super) type Ports = RangeInclusive<u16>;

/// Reads `PORT`, or `LOW:HIGH` where `open` lets either be left out.
pub(super) fn ports(token: &Token, open: bool) -> Result<Ports, Diagnostic> {
    let (low, high) = token.split_once(':');
    let end = |token: &Token, missing: u16| match token.text.is_empty() && open {
        true => Ok(missing),
        false => port(token),
    };
    let Some(high) = high else {
        let port = port(&low)?;
        return Ok(port..=port);
    };
    let (low, high) = (end(&low, 0)?, end(&high, u16::MAX)?);
    if low > high {
        return Err(Diagnostic::new(token.span, "the range ends before it starts"));
    }
    Ok(low..=high)
}

fn port(token: &Token) -> Result<u16, Diagnostic> {
    if let Some(number) = integer(&token.text) {
        return u16::try_from(number)
            .map_err(|_| Diagnostic::new(token.span, "a port is a number from 0 to 65535"));
    }
    services::port(&token.text).ok_or_else(|| {
        let message = format!("`{}` is neither a port nor the name of a service", token.text);
        let error = Diagnostic::new(token.span, message);
        match did_you_mean(&token.text, services::names()) {
            Some(help) => error.help(help),
            None => error,
        }
    })
}

/// `22` or `1024-65535`
pub(super) fn expression(ports: &Ports, span: Span) -> Expression {
    let low = build::number(*ports.start(), span);
    if ports.start() == ports.end() { low } else { build::range(low, build::number(*ports.end(), span)) }
}

/// A number as C's `strtoul` reads it: `0x` starts a hexadecimal, `0` an octal one.
pub(super) fn integer(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let sign = digits.starts_with(['+', '-']);
    if sign { None } else { u64::from_str_radix(digits, radix).ok() }
}
