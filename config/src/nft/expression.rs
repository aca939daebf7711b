//! How is an expression read? Loosest first: list, concatenation, range, then the operators on bits.

use super::lexer::Kind;
use super::parser::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::ruleset::{BinaryOperator, Element, ElementExtra, Elements, Expression, Literal, Relation, Term};

/// Which side of a comparison an operand stands on: words on the left are selectors, on the right names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// Words that start a selector are one, others are names.
    Mixed,
}

impl Parser<'_> {
    /// What is looked at: selectors, arithmetic on them, a concatenation, in which values may stand too.
    pub(super) fn left(&mut self) -> Parsed<Expression> {
        self.weight = 0;
        let first = self.binary(Side::Left, 0)?;
        self.concatenated(first)
    }

    /// As [`Self::left`], but the first part follows `side`, and a map may come behind.
    pub(super) fn mixed(&mut self, side: Side) -> Parsed<Expression> {
        let first = self.binary(side, 0)?;
        let key = self.concatenated(first)?;
        if !self.eat_word("map") {
            return Ok(key);
        }
        let span = key.span;
        self.deepen(1, span)?;
        let map = self.map_source()?;
        Ok(Expression::new(Term::Map(Box::new(key), map), span.to(self.tokens.last)))
    }

    fn concatenated(&mut self, first: Expression) -> Parsed<Expression> {
        if !self.at_sign(".") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat_sign(".") {
            parts.push(self.binary(Side::Mixed, 0)?);
        }
        self.join(parts, Term::Concat)
    }

    /// What it is compared with.
    pub(super) fn right(&mut self) -> Parsed<Expression> {
        let first = self.concatenation()?;
        if !self.at_sign(",") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat_sign(",") {
            parts.push(self.concatenation()?);
        }
        self.join(parts, Term::List)
    }

    /// How the two sides are compared, if it says.
    pub(super) fn relation(&mut self) -> Relation {
        let word = self.peek_word();
        let relation = match self.peek().0 {
            Kind::Sign("==") => Relation::Equal,
            Kind::Sign("!=") => Relation::NotEqual,
            Kind::Sign("<") => Relation::Less,
            Kind::Sign("<=") => Relation::LessOrEqual,
            Kind::Sign(">") => Relation::Greater,
            Kind::Sign(">=") => Relation::GreaterOrEqual,
            Kind::Sign("!") => Relation::Not,
            _ => match word.as_deref() {
                Some("eq") => Relation::Equal,
                Some("ne") => Relation::NotEqual,
                Some("lt") => Relation::Less,
                Some("le") => Relation::LessOrEqual,
                Some("gt") => Relation::Greater,
                Some("ge") => Relation::GreaterOrEqual,
                Some("not") => Relation::Not,
                _ => return Relation::Implicit,
            },
        };
        self.tokens.take();
        relation
    }

    /// `{ element, ... }`
    pub(super) fn elements(&mut self) -> Parsed<(Elements, Span)> {
        let open = self.expect_sign("{")?;
        self.deepen(1, open)?;
        let (outside, mut deepest) = (self.weight, self.weight);
        let mut found = Elements::default();
        loop {
            self.skip_newlines();
            if self.at_sign("}") {
                break;
            }
            if self.peek().0 == Kind::End {
                return self.fail_at(open, "this `{` is never closed");
            }
            self.weight = outside;
            self.element(&mut found)?;
            deepest = deepest.max(self.weight);
            self.skip_newlines();
            if !self.at_sign(",") && !self.at_sign("}") {
                return self.fail_expected("`,` or `}`");
            }
            while self.eat_sign(",") {
                self.skip_newlines();
            }
        }
        self.weight = deepest;
        let close = self.expect_sign("}")?;
        Ok((found, open.to(close)))
    }

    /// Reads one element; a variable that holds a set gives all of its own.
    fn element(&mut self, into: &mut Elements) -> Parsed<()> {
        let key = self.concatenation()?;
        let mut extra = ElementExtra::default();
        let mut plain = true;
        loop {
            if self.eat_word("comment") {
                self.only_comment(&mut extra.comment)?;
            } else if self.eat_word("timeout") {
                extra.timeout = Some(self.duration()?);
            } else if self.eat_word("expires") {
                extra.expires = Some(self.duration()?);
            } else {
                let each = self.stateful_statements()?;
                if each.is_empty() {
                    break;
                }
                extra.each.extend(each);
            }
            plain = false;
        }
        if self.eat_sign(":") {
            plain = false;
            self.skip_newlines();
            match self.verdict()? {
                Some(verdict) => extra.verdict = Some(verdict),
                None => extra.data = Some(self.concatenation()?),
            }
        }
        match key.term {
            Term::Set(inner) if plain => into.append(*inner),
            Term::Set(_) => {
                return self.fail_at(key.span, "a set cannot be the key of an element");
            }
            _ => into.push(Element { key, extra: (!plain).then(|| Box::new(extra)) }),
        }
        Ok(())
    }

    fn concatenation(&mut self) -> Parsed<Expression> {
        let first = self.range()?;
        if !self.at_sign(".") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.eat_sign(".") {
            parts.push(self.range()?);
        }
        self.join(parts, Term::Concat)
    }

    fn range(&mut self) -> Parsed<Expression> {
        let low = self.binary(Side::Right, 0)?;
        if self.eat_sign("-") {
            let high = self.binary(Side::Right, 0)?;
            let span = low.span.to(high.span);
            self.deepen(1, span)?;
            return Ok(Expression::new(Term::Range(Box::new((low, high))), span));
        }
        if self.at_sign("/") && matches!(self.tokens.second(), Kind::Number(_)) {
            self.tokens.take();
            let bits = self.number("the length of a prefix")?;
            let span = low.span.to(bits.span);
            let Ok(bits) = u8::try_from(bits.node) else {
                return self.fail_at(bits.span, "a prefix has at most 128 bits");
            };
            self.deepen(1, span)?;
            return Ok(Expression::new(Term::Prefix(Box::new(low), bits), span));
        }
        Ok(low)
    }

    /// Operators that bind at least as tightly as `least`.
    pub(super) fn binary(&mut self, side: Side, least: u8) -> Parsed<Expression> {
        let mut left = self.operand(side)?;
        while let Some((operator, tightness)) = self.operator() {
            if tightness < least {
                break;
            }
            self.tokens.take();
            let other = if side == Side::Mixed { Side::Mixed } else { Side::Right };
            let right = self.binary(other, tightness + 1)?;
            let span = left.span.to(right.span);
            self.deepen(1, span)?;
            left = Expression::new(Term::Binary(operator, Box::new((left, right))), span);
        }
        Ok(left)
    }

    fn operator(&mut self) -> Option<(BinaryOperator, u8)> {
        let word = self.peek_word();
        Some(match (self.peek().0, word.as_deref()) {
            (Kind::Sign("|"), _) | (_, Some("or")) => (BinaryOperator::Or, 0),
            (Kind::Sign("^"), _) | (_, Some("xor")) => (BinaryOperator::Xor, 1),
            (Kind::Sign("&"), _) | (_, Some("and")) => (BinaryOperator::And, 2),
            (Kind::Sign("<<"), _) | (_, Some("lshift")) => (BinaryOperator::ShiftLeft, 3),
            (Kind::Sign(">>"), _) | (_, Some("rshift")) => (BinaryOperator::ShiftRight, 3),
            _ => return None,
        })
    }

    fn operand(&mut self, side: Side) -> Parsed<Expression> {
        let (kind, span) = self.peek();
        if kind == Kind::Sign("(") {
            self.tokens.take();
            self.deepen(1, span)?;
            let inner = match side {
                Side::Left | Side::Mixed => self.binary(side, 0)?,
                Side::Right => self.right()?,
            };
            self.expect_sign(")")?;
            return Ok(inner);
        }
        match side {
            Side::Left => self.selector(),
            Side::Mixed if self.at_selector() => self.selector(),
            Side::Right | Side::Mixed => self.value(),
        }
    }

    fn value(&mut self) -> Parsed<Expression> {
        let (kind, span) = self.peek();
        if self.at_number_and_unit() {
            let (text, span) = self.number_and_unit()?;
            return Ok(Expression::literal(Literal::Word(text.into()), span));
        }
        let literal = match kind {
            Kind::Number(value) => Literal::Number(value),
            Kind::Ipv4(address) => Literal::Ipv4(address),
            Kind::Ipv6(address) => Literal::Ipv6(address),
            Kind::Mac(address) => Literal::Mac(address),
            Kind::Word => {
                let word = self.tokens.word(span);
                if word.ends_with("\\*") {
                    Literal::Text((&*word).into())
                } else {
                    Literal::Word((&*word).into())
                }
            }
            Kind::Text => Literal::Text(self.text("a text")?.node.into()),
            Kind::Sign("$") => return self.variable(),
            Kind::Sign("{") => {
                let (elements, span) = self.elements()?;
                return Ok(Expression::new(Term::Set(Box::new(elements)), span));
            }
            Kind::Sign("@") => {
                self.tokens.take();
                let name = self.word("the name of a set")?;
                let term = Term::SetName((&*name).into());
                return Ok(Expression::new(term, span.to(name.span)));
            }
            Kind::Sign("*") => {
                self.tokens.take();
                return Ok(Expression::new(Term::Any, span));
            }
            Kind::Sign("[") => {
                self.tokens.take();
                let (Kind::Ipv6(address), _) = self.peek() else {
                    return self.fail_expected("an IPv6 address");
                };
                self.tokens.take();
                let close = self.expect_sign("]")?;
                return Ok(Expression::literal(Literal::Ipv6(address), span.to(close)));
            }
            _ => return self.fail_expected("a value"),
        };
        if kind != Kind::Text {
            self.tokens.take();
        }
        Ok(Expression::literal(literal, span))
    }

    fn join(&mut self, parts: Vec<Expression>, term: fn(Vec<Expression>) -> Term) -> Parsed<Expression> {
        let first = parts.first().map(|part| part.span).unwrap_or_default();
        let last = parts.last().map_or(first, |part| part.span);
        let span = first.to(last);
        self.deepen(1, span)?;
        Ok(Expression::new(term(parts), span))
    }
}
