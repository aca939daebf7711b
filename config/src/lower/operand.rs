//! What does a statement write? A value, something of the packet, what a map holds, or bits of several.

use super::comparison::MapWanted;
use super::constant::constant;
use super::field::{Part, apply};
use super::rule::Making;
use super::{Lowered, Lowering};
use crate::diagnostic::Diagnostic;
use crate::policy::{BitOperator, Field, Load, Meta, Operand, Value};
use crate::ruleset::{BinaryOperator, Element, Expression, Term, Type};

impl Lowering<'_> {
    /// The value of a `kind` that `expression` stands for. What it needs is stated first.
    pub(super) fn operand(
        &mut self,
        making: &mut Making<'_, '_>,
        expression: &Expression,
        kind: Type,
    ) -> Lowered<Operand> {
        if let Term::Map(key, map) = &expression.term {
            let parts = self.key_of_map(making, key, map)?;
            let key = parts.iter().map(|part| part.field).collect();
            let map = self.map(making, &parts, map, MapWanted::Values(&[kind]), expression.span)?;
            return Ok(Operand::Map { key, map });
        }
        if !is_of_packet(expression) {
            return constant(expression, kind).map(Operand::Constant);
        }
        if let Term::Binary(operator, both) = &expression.term {
            return self.joined(making, *operator, both, kind);
        }
        let part = self.part(making, expression)?;
        if part.field.width > kind.width() {
            let text = format!("this has {} bits, of which only {} fit", part.field.width, kind.width());
            return Err(Diagnostic::new(expression.span, text).help("`&` takes some of them"));
        }
        if part.kind.is_interface() {
            return Err(Diagnostic::new(expression.span, "a wire has no interface indexes to be written"));
        }
        Ok(Operand::Field(part.field))
    }

    fn joined(
        &mut self,
        making: &mut Making<'_, '_>,
        operator: BinaryOperator,
        both: &(Expression, Expression),
        kind: Type,
    ) -> Lowered<Operand> {
        let left = self.operand(making, &both.0, kind)?;
        let room = kind.width();
        let bits = match operator {
            BinaryOperator::ShiftLeft | BinaryOperator::ShiftRight => {
                let by = constant(&both.1, Type::Integer(8))?;
                let cannot = || Diagnostic::new(both.1.span, "this cannot be shifted so far");
                return shifted(left, operator, by, room).ok_or_else(cannot);
            }
            BinaryOperator::And => BitOperator::And,
            BinaryOperator::Or => BitOperator::Or,
            BinaryOperator::Xor => BitOperator::Xor,
        };
        let right = self.operand(making, &both.1, kind)?;
        if let (Operand::Field(field), Operand::Constant(value)) = (&left, &right)
            && let Some(field) = apply(*field, operator, *value, room)
        {
            return Ok(Operand::Field(field));
        }
        Ok(Operand::Bits(bits, Box::new((left, right))))
    }

    /// The parts of the key of a dynamic set, of these types: something of the packet, or values.
    pub(super) fn dynamic_key(
        &mut self,
        making: &mut Making<'_, '_>,
        key: &Expression,
        types: &[Type],
    ) -> Lowered<Vec<Part>> {
        let parts = match &key.term {
            Term::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(key),
        };
        if parts.len() != types.len() {
            let text = format!("expected a key of {} parts, found {}", types.len(), parts.len());
            return Err(Diagnostic::new(key.span, text));
        }
        let found = parts.iter().zip(types).map(|(part, kind)| {
            if is_of_packet(part) {
                return self.part(making, part);
            }
            let value = constant(part, *kind)?;
            Ok(Part { field: always(value, kind.width()), kind: *kind, plain: None })
        });
        found.collect()
    }

    /// What a map holds, of these types: one value, made of its parts if there are several.
    pub(super) fn data(
        &mut self,
        making: &mut Making<'_, '_>,
        data: &Expression,
        types: &[Type],
    ) -> Lowered<Operand> {
        let parts = match &data.term {
            Term::Concat(parts) => parts.as_slice(),
            _ => std::slice::from_ref(data),
        };
        if parts.len() != types.len() {
            let text = format!("expected a value of {} parts, found {}", types.len(), parts.len());
            return Err(Diagnostic::new(data.span, text));
        }
        let room = types.iter().map(|kind| kind.width()).sum();
        let mut joined: Option<Operand> = None;
        for (part, kind) in parts.iter().zip(types) {
            let next = self.operand(making, part, *kind)?;
            joined = Some(match joined {
                None => next,
                Some(before) => {
                    let by = Value::from(kind.width());
                    let cannot = || Diagnostic::new(part.span, "this value has too many bits");
                    let moved = shifted(before, BinaryOperator::ShiftLeft, by, room).ok_or_else(cannot)?;
                    Operand::Bits(BitOperator::Or, Box::new((moved, next)))
                }
            });
        }
        joined.ok_or_else(|| Diagnostic::new(data.span, "expected a value"))
    }

    /// The constant that an element of a map holds.
    pub(super) fn element_data(&mut self, element: &Element, types: &[Type]) -> Lowered<Value> {
        let Some(data) = element.extra.as_ref().and_then(|extra| extra.data.as_ref()) else {
            let text = "an element of a map needs a value: `key : value`";
            return Err(Diagnostic::new(element.key.span, text));
        };
        let parts = match &data.term {
            Term::Concat(parts) if types.len() > 1 => parts.as_slice(),
            _ => std::slice::from_ref(data),
        };
        if parts.len() != types.len() {
            let text = format!("expected a value of {} parts, found {}", types.len(), parts.len());
            return Err(Diagnostic::new(data.span, text));
        }
        parts.iter().zip(types).try_fold(0, |value: Value, (part, kind)| {
            let moved = value.checked_shl(u32::from(kind.width())).unwrap_or(0);
            Ok(moved | constant(part, *kind)?)
        })
    }
}

/// Whether some of it is read from the packet.
pub(super) fn is_of_packet(expression: &Expression) -> bool {
    match &expression.term {
        Term::Selector(_) | Term::Map(..) => true,
        Term::Binary(_, both) => is_of_packet(&both.0) || is_of_packet(&both.1),
        _ => false,
    }
}

/// A part that holds `value` whatever the packet: a field that always loads, of which nothing is kept.
pub(super) const fn always(value: Value, width: u16) -> Field {
    Field { load: Load::Meta(Meta::Length), width, mask: 0, xor: value, shift: 0 }
}

fn shifted(operand: Operand, operator: BinaryOperator, by: Value, room: u16) -> Option<Operand> {
    Some(match operand {
        Operand::Constant(value) => {
            let by = u32::try_from(by).ok()?;
            Operand::Constant(match operator {
                BinaryOperator::ShiftLeft => value.checked_shl(by).unwrap_or(0) & super::constant::ones(room),
                _ => value.checked_shr(by).unwrap_or(0),
            })
        }
        Operand::Field(field) => Operand::Field(apply(field, operator, by, room)?),
        Operand::Bits(bits, both) => {
            let (left, right) = *both;
            let left = shifted(left, operator, by, room)?;
            Operand::Bits(bits, Box::new((left, shifted(right, operator, by, room)?)))
        }
        Operand::Map { .. } => return None,
    })
}
