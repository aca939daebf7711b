//! Which draw of a rule is it that reads a new number? Two of a kind in one rule are two numbers.

use crate::policy::{Field, Load, Meta, Operand, Statement};

/// Numbers what the statements of a rule draw, those that count and those that are random each for themselves.
pub(super) fn number(statements: &mut [Statement]) {
    let mut drawn = [0_u8; 2];
    for statement in statements {
        each_field(statement, &mut |field| match &mut field.load {
            load @ Load::Meta(Meta::Random) => {
                if drawn[1] > 0 {
                    *load = Load::Number { random: true, modulus: 0, offset: 0, draw: drawn[1] };
                }
                drawn[1] = drawn[1].saturating_add(1);
            }
            Load::Number { random, draw, .. } => {
                let drawn = &mut drawn[usize::from(*random)];
                *draw = *drawn;
                *drawn = drawn.saturating_add(1);
            }
            _ => {}
        });
    }
}

fn each_field(statement: &mut Statement, with: &mut dyn FnMut(&mut Field)) {
    match statement {
        Statement::Match(condition) => condition.key.iter_mut().for_each(with),
        Statement::VerdictMap { key, .. } | Statement::Object { key, .. } => key.iter_mut().for_each(with),
        Statement::Set(_, operand) => each_field_of(operand, with),
        Statement::Update(update) => {
            update.key.iter_mut().for_each(&mut *with);
            if let Some(data) = &mut update.data {
                each_field_of(data, with);
            }
        }
        _ => {}
    }
}

fn each_field_of(operand: &mut Operand, with: &mut dyn FnMut(&mut Field)) {
    match operand {
        Operand::Constant(_) => {}
        Operand::Field(field) => with(field),
        Operand::Map { key, .. } => key.iter_mut().for_each(with),
        Operand::Bits(_, both) => {
            each_field_of(&mut both.0, with);
            each_field_of(&mut both.1, with);
        }
    }
}
