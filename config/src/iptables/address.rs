//! Which packets does `-s 10.0.0.0/8` mean? An address under a mask, in the version of the dump.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Version;
use super::build::{self, Built};
use super::lexer::Token;
use super::ports::integer;
use crate::diagnostic::{Diagnostic, Span};
use crate::ruleset::{Expression, Literal, Relation, Term};

/// An address and which of its bits count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Network {
    version: Version,
    /// Right aligned; bits that do not count are zero.
    address: u128,
    mask: u128,
    span: Span,
}

impl Network {
    /// Reads `ADDRESS`, `ADDRESS/BITS` or `ADDRESS/MASK`.
    pub(super) fn parse(token: &Token, version: Version) -> Result<Self, Diagnostic> {
        let (address, mask) = token.split_once('/');
        let value = parse(&address, version)?;
        let width = version.width();
        let full = u128::MAX >> (128 - width);
        let mask = match mask {
            None => full,
            Some(mask) => match mask.text.parse::<u32>() {
                Ok(bits) if bits <= width => full & !(full.checked_shr(bits).unwrap_or(0)),
                _ => parse_full(&mask.text, version).ok_or_else(|| {
                    Diagnostic::new(mask.span, format!("`{}` is neither a mask nor 0 to {width}", mask.text))
                })?,
            },
        };
        Ok(Self { version, address: value & mask, mask, span: token.span })
    }

    /// What stands at the right of a comparison with it, and before that what keeps the bits that count; nothing if
    /// none counts.
    pub(super) fn right(&self, negated: bool) -> Option<(String, String)> {
        let width = self.version.width();
        let bits = self.mask.count_ones();
        let address = self.version.address_text(self.address);
        let (not, exactly) = if negated { ("!= ", "!=") } else { ("", "==") };
        match bits {
            0 => None,
            bits if bits == width => Some((String::new(), format!("{not}{address}"))),
            bits if bits == (self.mask << (128 - width)).leading_ones() => {
                Some((String::new(), format!("{not}{address}/{bits}")))
            }
            _ => {
                Some((format!(" & {}", self.version.address_text(self.mask)), format!("{exactly} {address}")))
            }
        }
    }

    /// Adds the condition that `field` (`saddr` or `daddr`) lies in it, or does not.
    pub(super) fn compare(&self, field: &str, negated: bool, span: Span, built: &mut Built) {
        let protocol = match self.version {
            Version::V4 => "ip",
            Version::V6 => "ip6",
        };
        let left = build::header(protocol, field, self.span);
        let address = literal(self.address, self.version, self.span);
        let width = self.version.width();
        let bits = self.mask.count_ones();
        let leading = (self.mask << (128 - width)).leading_ones();
        if bits == 0 {
            if negated {
                built.never(span);
            }
        } else if bits == width {
            built.equal(left, negated, address, span);
        } else if bits == leading {
            let bits = u8::try_from(bits).unwrap_or(u8::MAX);
            let right = Expression::new(Term::Prefix(Box::new(address), bits), self.span);
            built.equal(left, negated, right, span);
        } else {
            let mask = literal(self.mask, self.version, self.span);
            let relation = if negated { Relation::NotEqual } else { Relation::Equal };
            built.compare(build::and(left, mask), relation, address, span);
        }
    }
}

/// Reads an address as a number.
pub(super) fn parse(token: &Token, version: Version) -> Result<u128, Diagnostic> {
    let text = token.text.as_str();
    let parsed = match version {
        Version::V4 => shortened(text),
        Version::V6 => parse_full(text, version),
    };
    parsed.ok_or_else(|| {
        let message = match version {
            Version::V4 if text.parse::<Ipv6Addr>().is_ok() => "an IPv6 address in an IPv4 dump".to_owned(),
            Version::V6 if text.parse::<Ipv4Addr>().is_ok() => "an IPv4 address in an IPv6 dump".to_owned(),
            _ => format!("`{text}` is not an address"),
        };
        let error = Diagnostic::new(token.span, message);
        let host = text.chars().any(|c| c.is_ascii_alphabetic()) && !text.contains(':');
        if host { error.help("names of hosts are not looked up") } else { error }
    })
}

/// The address of `value`.
pub(super) fn literal(value: u128, version: Version, span: Span) -> Expression {
    let literal = match version {
        Version::V4 => Literal::Ipv4(Ipv4Addr::from_bits(u32::try_from(value).unwrap_or(u32::MAX))),
        Version::V6 => Literal::Ipv6(Ipv6Addr::from_bits(value)),
    };
    Expression::literal(literal, span)
}

fn parse_full(text: &str, version: Version) -> Option<u128> {
    match version {
        Version::V4 if text.split('.').count() == 4 => shortened(text),
        Version::V4 => None,
        Version::V6 => text.parse::<Ipv6Addr>().ok().map(Ipv6Addr::to_bits),
    }
}

/// Dotted, trailing zeros left out as iptables allows: `10/8`.
fn shortened(text: &str) -> Option<u128> {
    let mut value = 0;
    let mut count = 0;
    for part in text.split('.') {
        let octet = integer(part).and_then(|octet| u8::try_from(octet).ok())?;
        value = value << 8 | u128::from(octet);
        count += 1;
    }
    (count <= 4).then(|| value << (8 * (4 - count)))
}

impl Version {
    /// Bits of an address.
    pub(super) const fn width(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The address of `value`, as it is written.
    pub(super) fn address_text(self, value: u128) -> String {
        match self {
            Self::V4 => Ipv4Addr::from_bits(u32::try_from(value).unwrap_or(u32::MAX)).to_string(),
            Self::V6 => Ipv6Addr::from_bits(value).to_string(),
        }
    }
}
