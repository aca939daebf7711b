//! How do the statements that an element has for itself lie in bytes?

use super::{Elements, Iter};
use crate::policy::{Limit, LimitUnit, Quota};
use crate::ruleset::{Statement, StatementKind};

impl Elements {
    /// `None` if one of them must be kept whole.
    pub(super) fn each(&mut self, each: &[Statement]) -> Option<()> {
        self.number(each.len() as u128);
        each.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Option<()> {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        match &statement.kind {
            &StatementKind::Counter { packets, bytes } => {
                self.head(COUNTER, statement.span);
                self.number(packets.into());
                self.number(bytes.into());
            }
            StatementKind::Limit(Limit { name: None, unit, rate, per_seconds, burst, over, window }) => {
                self.head(LIMIT, statement.span);
                let flags = flag(*unit == LimitUnit::Bytes, BYTES) | flag(window.is_some(), WINDOW);
                self.bytes.push(flags | flag(*over, OVER));
                for number in [*rate, *per_seconds, *burst] {
                    self.number(number.into());
                }
                if let Some(window) = window {
                    self.number((*window).into());
                }
            }
            StatementKind::Quota(Quota { name: None, bytes, used, over }) => {
                self.head(QUOTA, statement.span);
                self.bytes.push(flag(*over, OVER));
                self.number((*bytes).into());
                self.number((*used).into());
            }
            &StatementKind::ConnectionLimit { count, over } => {
                self.head(CONNECTIONS, statement.span);
                self.bytes.push(flag(over, OVER));
                self.number(count.into());
            }
            _ => return None,
        }
        Some(())
    }
}

impl Iter<'_> {
    pub(super) fn each(&mut self) -> Option<Vec<Statement>> {
        let count = self.number()?;
        (0..count).map(|_| self.statement()).collect()
    }

    fn statement(&mut self) -> Option<Statement> {
        let (kind, span) = self.head()?;
        let flags = if kind == COUNTER { 0 } else { self.byte()? };
        let over = flags & OVER != 0;
        let mut number = || Some(self.number()? as u64);
        let kind = match kind {
            COUNTER => StatementKind::Counter { packets: number()?, bytes: number()? },
            LIMIT => StatementKind::Limit(Limit {
                name: None,
                unit: if flags & BYTES != 0 { LimitUnit::Bytes } else { LimitUnit::Packets },
                rate: number()?,
                per_seconds: number()?,
                burst: number()?,
                over,
                window: if flags & WINDOW != 0 { Some(number()? as u32) } else { None },
            }),
            QUOTA => StatementKind::Quota(Quota { name: None, bytes: number()?, used: number()?, over }),
            _ => StatementKind::ConnectionLimit { count: number()? as u32, over },
        };
        Some(Statement::new(kind, span))
    }
}

// Kinds of statements.
const COUNTER: u8 = 0;
const LIMIT: u8 = 1;
const QUOTA: u8 = 2;
const CONNECTIONS: u8 = 3;

// What a limit, a quota or a bound on connections is besides its numbers.
const OVER: u8 = 1;
const BYTES: u8 = 2;
const WINDOW: u8 = 4;
