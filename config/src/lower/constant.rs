//! Which number does a written value stand for?

use super::{Lowered, calendar};
use crate::diagnostic::{Diagnostic, Span};
use crate::nft;
use crate::policy::{Value, interface_value};
use crate::ruleset::{BinaryOperator, Expression, Literal, Term, Type};
use crate::suggestion::did_you_mean;
use crate::value_names;

/// A value, or all values between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) low: Value,
    pub(super) high: Value,
}

/// All ones, `width` bits wide.
pub(super) const fn ones(width: u16) -> Value {
    if width >= 128 { Value::MAX } else { (1 << width) - 1 }
}

/// The one value that `expression` stands for where a `kind` is wanted.
pub(super) fn constant(expression: &Expression, kind: Type) -> Lowered<Value> {
    let span = expression.span;
    match &expression.term {
        Term::Literal(literal) => value(literal, kind, span),
        Term::List(parts) if kind.is_bitmask() => {
            parts.iter().try_fold(0, |bits, part| Ok(bits | constant(part, kind)?))
        }
        Term::List(_) => Err(Diagnostic::new(span, "a list goes with bit masks only")
            .help("to match any of several values, write them as a set: `{ a, b }`")),
        Term::Binary(operator, both) => {
            let right = match operator {
                BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => Type::Integer(8),
                _ => kind,
            };
            let (left, right) = (constant(&both.0, kind)?, constant(&both.1, right)?);
            let shift = u32::try_from(right).unwrap_or(u32::MAX);
            let found = match operator {
                BinaryOperator::And => left & right,
                BinaryOperator::Or => left | right,
                BinaryOperator::Xor => left ^ right,
                BinaryOperator::ShiftLeft => left.checked_shl(shift).unwrap_or(0),
                BinaryOperator::ShiftRight => left.checked_shr(shift).unwrap_or(0),
            };
            fitting(found, kind, span)
        }
        Term::Selector(_) => {
            Err(Diagnostic::new(span, "a field is compared with values, not with another field"))
        }
        _ => Err(Diagnostic::new(span, "expected a single value")),
    }
}

/// The values that `expression`, an element or the right side of a comparison, stands for.
pub(super) fn bounds(expression: &Expression, kind: Type) -> Lowered<Bounds> {
    let span = expression.span;
    match &expression.term {
        Term::Range(_) if kind.is_interface() => {
            Err(Diagnostic::new(span, "names of interfaces have no ranges")
                .help("`eth*` is any that start so"))
        }
        Term::Range(both) => {
            let (low, high) = (constant(&both.0, kind)?, constant(&both.1, kind)?);
            if low > high {
                return Err(Diagnostic::new(span, "this range ends before it starts"));
            }
            Ok(Bounds { low, high })
        }
        Term::Prefix(base, bits) => {
            let mask = prefix_mask(*bits, kind, span)?;
            let low = constant(base, kind)? & mask;
            let high = low | (mask ^ ones(kind.width()));
            Ok(Bounds { low, high })
        }
        Term::Literal(Literal::Word(name) | Literal::Text(name))
            if kind.is_interface() && is_pattern(name) =>
        {
            let (low, mask) = interface_pattern(name, span)?;
            Ok(Bounds { low, high: low | !mask })
        }
        Term::Any => {
            Err(Diagnostic::new(span, "`*` stands for every other key, as an element of a set alone"))
        }
        _ => {
            let value = constant(expression, kind)?;
            Ok(Bounds { low: value, high: value })
        }
    }
}

/// The mask of a prefix of `bits`.
pub(super) fn prefix_mask(bits: u8, kind: Type, span: Span) -> Lowered<Value> {
    let width = kind.width();
    if kind.is_interface() || kind == Type::Helper {
        let text = format!("{} has no prefixes", described(kind));
        return Err(Diagnostic::new(span, text));
    }
    if u16::from(bits) > width {
        let text = format!("a prefix of this type has at most {width} bits");
        return Err(Diagnostic::new(span, text));
    }
    Ok(ones(width) ^ ones(width - u16::from(bits)))
}

/// The bytes before the `*` and their mask.
pub(super) fn interface_pattern(name: &str, span: Span) -> Lowered<(Value, Value)> {
    let start = name.trim_end_matches('*');
    if start.is_empty() || start.len() + 1 != name.len() {
        return Err(Diagnostic::new(span, "a pattern is part of a name and one `*`"));
    }
    if start.len() > 14 {
        return Err(Diagnostic::new(span, "a pattern has at most 14 bytes before the `*`"));
    }
    let value = interface(start, span)?;
    let rest = u16::try_from(start.len()).map_or(0, |length| 128 - 8 * length);
    Ok((value, !ones(rest)))
}

/// Whether `*` at the end stands for anything: behind a backslash it is part of the name.
pub(super) fn is_pattern(name: &str) -> bool {
    name.ends_with('*') && !name.ends_with("\\*")
}

fn interface(name: &str, span: Span) -> Lowered<Value> {
    if name.is_empty() {
        return Err(Diagnostic::new(span, "the name of an interface is not empty"));
    }
    let too_long = || Diagnostic::new(span, "the name of an interface has at most 15 bytes");
    let value = match name.strip_suffix("\\*") {
        Some(start) => interface_value(&format!("{start}*")),
        None => interface_value(name),
    };
    value.ok_or_else(too_long)
}

fn value(literal: &Literal, kind: Type, span: Span) -> Lowered<Value> {
    let mismatch = |found: &str| {
        let text = format!("expected {}, found {found}", described(kind));
        Err(Diagnostic::new(span, text))
    };
    if let Literal::Text(text) = literal
        && !kind.is_interface()
        && kind != Type::Helper
        && let Some(inside) = nft::literal_in(text)
    {
        return value(&inside, kind, span);
    }
    if let Some(found) = calendar::value(literal, kind, span) {
        return found;
    }
    match literal {
        Literal::Number(_) if kind.is_interface() => {
            Err(Diagnostic::new(span, "an interface is given by its name: a wire has no interface indexes"))
        }
        Literal::Number(_) if matches!(kind, Type::Helper | Type::Ipv6Addr) => mismatch("a number"),
        Literal::Number(number) => fitting(*number, kind, span),
        Literal::Ipv4(address) if kind == Type::Ipv4Addr => Ok(u32::from(*address).into()),
        Literal::Ipv6(address) if kind == Type::Ipv6Addr => Ok(u128::from(*address)),
        Literal::Mac(address) if kind == Type::EtherAddr => {
            Ok(address.iter().fold(0, |value, &byte| value << 8 | Value::from(byte)))
        }
        Literal::Word(name) if kind.is_interface() && VERDICTS.contains(&&**name) => {
            Err(Diagnostic::new(span, format!("expected the name of an interface, found `{name}`")))
        }
        Literal::Word(name) | Literal::Text(name) if kind.is_interface() => {
            if is_pattern(name) {
                return Err(Diagnostic::new(span, "a pattern cannot stand here"));
            }
            interface(name, span)
        }
        Literal::Word(name) | Literal::Text(name) if kind == Type::Helper => helper(name, span),
        Literal::Word(name) | Literal::Text(name) => {
            value_names::value(kind, name).ok_or_else(|| unknown_name(name, kind, span))
        }
        Literal::Ipv4(_) => mismatch("an IPv4 address"),
        Literal::Ipv6(_) => mismatch("an IPv6 address"),
        Literal::Mac(_) => mismatch("a MAC address"),
    }
}

fn helper(name: &str, span: Span) -> Lowered<Value> {
    match interface_value(name) {
        Some(value) if !name.is_empty() && !name.ends_with('*') => Ok(value),
        _ => Err(Diagnostic::new(span, "the name of a helper has 1 to 15 bytes, and is whole")),
    }
}

fn unknown_name(name: &str, kind: Type, span: Span) -> Diagnostic {
    if matches!(kind, Type::Ipv4Addr | Type::Ipv6Addr) {
        let text = format!("expected {}, found `{name}`", described(kind));
        return Diagnostic::new(span, text).help("names of hosts are not resolved");
    }
    let text = format!("`{name}` is not {}", described(kind));
    let mut complaint = Diagnostic::new(span, text);
    complaint.help = did_you_mean(name, value_names::names(kind));
    complaint
}

fn fitting(number: Value, kind: Type, span: Span) -> Lowered<Value> {
    let most = ones(kind.width());
    if number <= most {
        return Ok(number);
    }
    let text = format!("{number} does not fit into {}: at most {most}", described(kind));
    Err(Diagnostic::new(span, text))
}

/// A `kind`, in words.
pub(super) fn described(kind: Type) -> String {
    match kind {
        Type::Integer(width) => format!("a number of {width} bits"),
        Type::Ipv4Addr => "an IPv4 address".to_owned(),
        Type::Ipv6Addr => "an IPv6 address".to_owned(),
        Type::EtherAddr => "a MAC address".to_owned(),
        Type::EtherType => "an EtherType".to_owned(),
        Type::InetProto => "a protocol".to_owned(),
        Type::InetService => "a port or service".to_owned(),
        Type::IfName | Type::IfIndex => "the name of an interface".to_owned(),
        Type::Helper => "the name of a helper".to_owned(),
        Type::TcpFlag => "a TCP flag".to_owned(),
        Type::CtState => "a connection state".to_owned(),
        Type::Time => "a point in time".to_owned(),
        Type::Duration => "a lapse of time".to_owned(),
        Type::MhType => "a type of mobility header".to_owned(),
        Type::MptcpSubtype => "a subtype of MPTCP".to_owned(),
        other => format!("a value of type {}", other.name()),
    }
}

/// What a rule decides, and no name unless it is in quotes.
const VERDICTS: [&str; 6] = ["accept", "drop", "continue", "return", "jump", "goto"];
