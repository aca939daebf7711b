//! Which bits does a selector read, and what is done with them before they are compared?

use super::constant::{constant, ones};
use super::context::{payload, stated};
use super::rule::Making;
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Ct, Family, Field, Load, Match, Meta, Set, SetId, Statement, Test, Value};
use crate::ruleset::{BinaryOperator, CtKey, Expression, MetaKey, Selector, Term, Type};

/// One part of what is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) field: Field,
    pub(super) kind: Type,
    /// What is read, if it is compared as it is read.
    pub(super) plain: Option<Selector>,
}

impl Lowering<'_> {
    /// The parts of a key: one, or those of a concatenation. What they need is stated first.
    pub(super) fn key(&mut self, making: &mut Making<'_, '_>, key: &Expression) -> Lowered<Vec<Part>> {
        match &key.term {
            Term::Concat(parts) => parts.iter().map(|part| self.part(making, part)).collect(),
            _ => Ok(vec![self.part(making, key)?]),
        }
    }

    /// One part. What it needs is stated first.
    pub(super) fn part(&mut self, making: &mut Making<'_, '_>, part: &Expression) -> Lowered<Part> {
        match &part.term {
            Term::Selector(selector) => {
                let field = self.selected(making, *selector, part.span)?;
                Ok(Part { field, kind: selector.kind(), plain: Some(*selector) })
            }
            Term::Binary(operator, both) => {
                let left = self.part(making, &both.0)?;
                let right = constant(&both.1, left.kind)?;
                Ok(Part { field: apply(left.field, *operator, right, part.span)?, plain: None, ..left })
            }
            _ => Err(Diagnostic::new(part.span, "expected something of the packet")),
        }
    }

    fn selected(&mut self, making: &mut Making<'_, '_>, selector: Selector, span: Span) -> Lowered<Field> {
        let width = selector.kind().width();
        let family = making.scope.table.family;
        let load = match selector {
            Selector::Header(header) => {
                let needs = making.context.need(header, span)?;
                making.statements.extend(stated(needs.conditions));
                if let Some(types) = needs.icmp_types {
                    let condition = self.one_of(types);
                    making.statements.push(Statement::Match(condition));
                }
                return Ok(payload(header.protocol.base(), header.offset, header.width));
            }
            Selector::Raw { base, offset, width } => return Ok(payload(base, offset, width)),
            Selector::Meta(MetaKey::NfProto) if matches!(family, Family::Ip | Family::Ip6) => {
                let text = format!("every packet of family {family} has the same nfproto");
                return Err(Diagnostic::new(span, text));
            }
            Selector::Meta(key) => Load::Meta(match key {
                MetaKey::Length => Meta::Length,
                MetaKey::Protocol => Meta::Protocol,
                MetaKey::NfProto => Meta::NfProto,
                MetaKey::L4Proto => Meta::L4Proto,
                MetaKey::IifName | MetaKey::Iif => Meta::IifName,
                MetaKey::OifName | MetaKey::Oif => Meta::OifName,
            }),
            Selector::Ct(key) => {
                self.track(family, span)?;
                Load::Ct(match key {
                    CtKey::State => Ct::State,
                    CtKey::Direction => Ct::Direction,
                })
            }
        };
        Ok(Field::plain(load, width))
    }

    /// Connections are tracked from now on for what `family` sees.
    fn track(&mut self, family: Family, span: Span) -> Lowered<()> {
        let tracks = &mut self.policy.tracks;
        match family {
            Family::Ip => tracks.v4 = true,
            Family::Ip6 => tracks.v6 = true,
            Family::Inet => (tracks.v4, tracks.v6) = (true, true),
            Family::Arp | Family::Bridge | Family::Netdev => {
                let text = format!("there is no connection state in a table of family {family}");
                return Err(Diagnostic::new(span, text));
            }
        }
        Ok(())
    }

    /// The condition that an ICMP message has one of `types`.
    fn one_of(&mut self, types: [u8; 2]) -> Match {
        let mut values = types.map(Value::from);
        values.sort_unstable();
        let set = self.add_set(Set {
            widths: vec![8],
            low: values.to_vec(),
            high: values.to_vec(),
            ..Set::default()
        });
        Match {
            key: vec![payload(crate::policy::HeaderBase::Transport, 0, 8)],
            test: Test::Lookup { set, negated: false },
        }
    }

    /// Adds a set without a name.
    pub(super) fn add_set(&mut self, set: Set) -> SetId {
        let id = SetId(super::next_id(self.policy.sets.len()));
        self.policy.sets.push(set);
        id
    }
}

/// `field` with one more operation on its bits.
pub(super) fn apply(field: Field, operator: BinaryOperator, value: Value, span: Span) -> Lowered<Field> {
    let (mask, xor) = match operator {
        BinaryOperator::And => (field.mask & value, field.xor & value),
        BinaryOperator::Xor => (field.mask, field.xor ^ value),
        BinaryOperator::Or => {
            let others = ones(field.width) & !value;
            (field.mask & others, field.xor & others | value)
        }
        BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
            return Err(Diagnostic::new(span, "shifting a field is not supported yet"));
        }
    };
    Ok(Field { mask, xor, ..field })
}
