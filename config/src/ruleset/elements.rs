//! Where do the elements of a set stay that may have millions? Side by side in bytes, as short as what was written:
//! a number for a number, an address for an address, and how far it stands behind the one before. What is more than
//! constants with a verdict, a value, times, a comment, counters, limits or quotas is kept whole.

mod each;
mod keyed;

use std::fmt;

use super::{Element, ElementExtra, Expression, Literal, Term, Verdict, VerdictKind};
use crate::diagnostic::Span;
use keyed::Keyed;

/// Elements in the order they were written. They are taken out as copies.
#[derive(Clone, Default)]
pub struct Elements {
    bytes: Vec<u8>,
    whole: Vec<Element>,
    count: usize,
    /// Where the last expression ended that went in.
    last: Place,
    /// By key, once that was asked.
    keyed: Option<Box<Keyed>>,
}

/// What the next span is told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    source: u16,
    end: u32,
}

impl Elements {
    /// Puts `element` behind the others.
    pub fn push(&mut self, element: Element) {
        let before = (self.bytes.len(), self.last);
        self.count += 1;
        if let Some(keyed) = &mut self.keyed {
            keyed.push(&element.key);
        }
        if self.pack(&element).is_none() {
            self.bytes.truncate(before.0);
            self.last = before.1;
            self.bytes.push(WHOLE);
            self.whole.push(element);
        }
    }

    /// Puts `others` behind them.
    pub fn append(&mut self, others: Self) {
        if self.bytes.is_empty() {
            *self = others;
        } else {
            self.extend(&others);
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each of them, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            bytes: &self.bytes,
            whole: self.whole.iter(),
            left: self.count,
            last: Place::default(),
            place: 0,
            keyed: self.keyed.as_deref(),
        }
    }

    /// The one there is, if there is one only.
    #[must_use]
    pub fn only(&self) -> Option<Element> {
        self.iter().next().filter(|_| self.count == 1)
    }
}

impl fmt::Debug for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Extend<Element> for Elements {
    fn extend<T: IntoIterator<Item = Element>>(&mut self, elements: T) {
        elements.into_iter().for_each(|element| self.push(element));
    }
}

impl FromIterator<Element> for Elements {
    fn from_iter<T: IntoIterator<Item = Element>>(elements: T) -> Self {
        let mut found = Self::default();
        found.extend(elements);
        found
    }
}

impl<'a> IntoIterator for &'a Elements {
    type Item = Element;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

// Putting in: `None` if something must be kept whole.
impl Elements {
    fn pack(&mut self, element: &Element) -> Option<()> {
        let Some(extra) = element.extra.as_deref() else {
            self.bytes.push(0);
            return self.expression(&element.key);
        };
        let ElementExtra { verdict, data, timeout, expires, each, comment } = extra;
        let parts = [
            (verdict.is_some(), VERDICT),
            (data.is_some(), DATA),
            (timeout.is_some(), TIMEOUT),
            (expires.is_some(), EXPIRES),
            (comment.is_some(), COMMENT),
            (!each.is_empty(), EACH),
        ];
        self.bytes.push(parts.iter().fold(EXTRA, |flags, &(is, flag)| if is { flags | flag } else { flags }));
        self.expression(&element.key)?;
        if let Some(verdict) = verdict {
            self.verdict(verdict);
        }
        if let Some(data) = data {
            self.expression(data)?;
        }
        for time in [timeout, expires].into_iter().flatten() {
            self.number((*time).into());
        }
        if let Some(comment) = comment {
            self.text(comment);
        }
        if !each.is_empty() {
            self.each(each)?;
        }
        Some(())
    }

    fn expression(&mut self, expression: &Expression) -> Option<()> {
        let kind = match &expression.term {
            Term::Literal(Literal::Number(_)) => NUMBER,
            Term::Literal(Literal::Word(_)) => WORD,
            Term::Literal(Literal::Text(_)) => TEXT,
            Term::Literal(Literal::Ipv4(_)) => IPV4,
            Term::Literal(Literal::Ipv6(_)) => IPV6,
            Term::Literal(Literal::Mac(_)) => MAC,
            Term::Range(_) => RANGE,
            Term::Prefix(..) => PREFIX,
            Term::Concat(_) => CONCAT,
            Term::Any => ANY,
            _ => return None,
        };
        self.head(kind, expression.span);
        match &expression.term {
            Term::Literal(Literal::Number(number)) => self.number(*number),
            Term::Literal(Literal::Word(text) | Literal::Text(text)) => self.text(text),
            Term::Literal(Literal::Ipv4(address)) => self.bytes.extend(address.octets()),
            Term::Literal(Literal::Ipv6(address)) => self.bytes.extend(address.octets()),
            Term::Literal(Literal::Mac(address)) => self.bytes.extend(address),
            Term::Range(both) => {
                self.expression(&both.0)?;
                self.expression(&both.1)?;
            }
            Term::Prefix(base, bits) => {
                self.bytes.push(*bits);
                self.expression(base)?;
            }
            Term::Concat(parts) => {
                self.number(parts.len() as u128);
                parts.iter().try_for_each(|part| self.expression(part))?;
            }
            _ => {}
        }
        Some(())
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let (kind, chain) = match &verdict.kind {
            VerdictKind::Accept => (ACCEPT, None),
            VerdictKind::Drop => (DROP, None),
            VerdictKind::Continue => (CONTINUE, None),
            VerdictKind::Return => (RETURN, None),
            VerdictKind::Jump(chain) => (JUMP, Some(chain)),
            VerdictKind::Goto(chain) => (GOTO, Some(chain)),
        };
        self.head(kind, verdict.span);
        if let Some(chain) = chain {
            self.text(chain);
        }
    }

    /// A kind, and where what it is stands.
    fn head(&mut self, kind: u8, span: Span) {
        let other = span.source != self.last.source;
        self.bytes.push(if other { kind | ELSEWHERE } else { kind });
        if other {
            self.bytes.extend(span.source.to_le_bytes());
        }
        let ahead = i64::from(span.start) - i64::from(self.last.end);
        self.number((ahead.unsigned_abs() << 1 | u64::from(ahead < 0)).into());
        let length = i64::from(span.end) - i64::from(span.start);
        self.number((length.unsigned_abs() << 1 | u64::from(length < 0)).into());
        self.last = Place { source: span.source, end: span.end };
    }

    /// Seven bits a byte, the low ones first; the top bit says that more follow.
    fn number(&mut self, mut number: u128) {
        while number > 0x7f {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u128);
        self.bytes.extend(text.as_bytes());
    }
}

/// Elements being taken out.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    whole: std::slice::Iter<'a, Element>,
    left: usize,
    last: Place,
    /// How many came before, those that were taken out included.
    place: u32,
    keyed: Option<&'a Keyed>,
}

impl Iterator for Iter<'_> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        self.left = self.left.checked_sub(1)?;
        loop {
            let element = self.one()?;
            let place = self.place;
            self.place += 1;
            if self.keyed.is_none_or(|keyed| !keyed.is_gone(place)) {
                return Some(element);
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

// Taking out: `None` never comes of bytes that `Elements` has written.
impl<'a> Iter<'a> {
    fn one(&mut self) -> Option<Element> {
        let flags = self.byte()?;
        if flags == WHOLE {
            return self.whole.next().cloned();
        }
        let key = self.expression()?;
        if flags == 0 {
            return Some(Element::new(key));
        }
        let mut extra = ElementExtra::default();
        if flags & VERDICT != 0 {
            extra.verdict = Some(self.verdict()?);
        }
        if flags & DATA != 0 {
            extra.data = Some(self.expression()?);
        }
        if flags & TIMEOUT != 0 {
            extra.timeout = Some(self.number()? as u64);
        }
        if flags & EXPIRES != 0 {
            extra.expires = Some(self.number()? as u64);
        }
        if flags & COMMENT != 0 {
            extra.comment = Some(self.text()?.to_owned());
        }
        if flags & EACH != 0 {
            extra.each = self.each()?;
        }
        Some(Element { key, extra: Some(Box::new(extra)) })
    }

    fn expression(&mut self) -> Option<Expression> {
        let (kind, span) = self.head()?;
        let term = match kind {
            NUMBER => Term::Literal(Literal::Number(self.number()?)),
            WORD => Term::Literal(Literal::Word(self.text()?.into())),
            TEXT => Term::Literal(Literal::Text(self.text()?.into())),
            IPV4 => Term::Literal(Literal::Ipv4(self.array::<4>()?.into())),
            IPV6 => Term::Literal(Literal::Ipv6(self.array::<16>()?.into())),
            MAC => Term::Literal(Literal::Mac(self.array()?)),
            RANGE => Term::Range(Box::new((self.expression()?, self.expression()?))),
            PREFIX => {
                let bits = self.byte()?;
                Term::Prefix(Box::new(self.expression()?), bits)
            }
            CONCAT => {
                let parts = self.number()?;
                Term::Concat((0..parts).map(|_| self.expression()).collect::<Option<_>>()?)
            }
            _ => Term::Any,
        };
        Some(Expression::new(term, span))
    }

    fn verdict(&mut self) -> Option<Verdict> {
        let (kind, span) = self.head()?;
        let kind = match kind {
            ACCEPT => VerdictKind::Accept,
            DROP => VerdictKind::Drop,
            CONTINUE => VerdictKind::Continue,
            RETURN => VerdictKind::Return,
            JUMP => VerdictKind::Jump(self.text()?.into()),
            _ => VerdictKind::Goto(self.text()?.into()),
        };
        Some(Verdict { kind, span })
    }

    fn head(&mut self) -> Option<(u8, Span)> {
        let kind = self.byte()?;
        if kind & ELSEWHERE != 0 {
            self.last.source = u16::from_le_bytes(self.array()?);
        }
        let signed = |number: u128| (number >> 1) as i64 * if number & 1 == 0 { 1 } else { -1 };
        let start = i64::from(self.last.end) + signed(self.number()?);
        let end = start + signed(self.number()?);
        let span = Span::new(self.last.source, start as u32, end as u32);
        self.last.end = span.end;
        Some((kind & !ELSEWHERE, span))
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u128> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u128::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()? as usize;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }
}

// What an element has besides its key.
const VERDICT: u8 = 1;
const DATA: u8 = 2;
const TIMEOUT: u8 = 4;
const EXPIRES: u8 = 8;
const COMMENT: u8 = 16;
/// Anything, or what would be nothing.
const EXTRA: u8 = 32;
const EACH: u8 = 64;
/// The element is the next of those that are kept whole.
const WHOLE: u8 = 255;

// Kinds of expressions and verdicts.
const NUMBER: u8 = 0;
const WORD: u8 = 1;
const TEXT: u8 = 2;
const IPV4: u8 = 3;
const IPV6: u8 = 4;
const MAC: u8 = 5;
const RANGE: u8 = 6;
const PREFIX: u8 = 7;
const CONCAT: u8 = 8;
const ANY: u8 = 9;
const ACCEPT: u8 = 10;
const DROP: u8 = 11;
const CONTINUE: u8 = 12;
const RETURN: u8 = 13;
const JUMP: u8 = 14;
const GOTO: u8 = 15;
/// It stands in another source than the one before.
const ELSEWHERE: u8 = 0x80;

#[cfg(test)]
mod tests;
