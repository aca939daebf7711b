//! How does a rule change a set? `add @s { ip saddr timeout 1h }`, `set add ip saddr @s`, `meter m { ... }`.

use super::expression::Side;
use super::parser::{Parsed, Parser};
use crate::diagnostic::Span;
use crate::policy::Change;
use crate::ruleset::{Expression, Spanned, Statement, StatementKind, Update};

impl Parser<'_> {
    /// What comes behind `add`, `update` or `delete`: `@s { key ... }`.
    pub(super) fn update(&mut self, change: Change) -> Parsed<StatementKind> {
        let set = self.set_reference()?;
        self.expect_sign("{")?;
        let update = self.update_body(change, set, None)?;
        self.expect_sign("}")?;
        Ok(StatementKind::Update(Box::new(update)))
    }

    /// What comes behind `set`: `add key @s`.
    pub(super) fn old_update(&mut self) -> Parsed<StatementKind> {
        let word = self.word("`add`, `update` or `delete`")?;
        let change = match &*word {
            "add" => Change::Add,
            "update" => Change::Update,
            "delete" => Change::Delete,
            _ => return self.fail_at(word.span, "expected `add`, `update` or `delete`"),
        };
        let key = self.dynamic_key()?;
        let timeout = self.update_timeout()?;
        let set = self.set_reference()?;
        let (data, each) = (None, Vec::new());
        let update = Update {
            change,
            set,
            meter: None,
            key,
            timeout,
            data,
            each,
            drops_if_full: false,
            negated: false,
        };
        Ok(StatementKind::Update(Box::new(update)))
    }

    /// What comes behind `meter`: `name [size N] { key ... }`.
    pub(super) fn meter(&mut self) -> Parsed<StatementKind> {
        let set = self.declared_name("the name of a meter")?;
        let size = if self.eat_word("size") { Some(self.small("a number of elements")?) } else { None };
        self.expect_sign("{")?;
        let mut update = self.update_body(Change::Add, set, Some(size))?;
        if update.timeout.is_some() {
            update.change = Change::Update;
        }
        if update.each.is_empty() {
            return self.fail_expected("a statement: `limit`, `counter`, `quota` or `ct count`");
        }
        self.expect_sign("}")?;
        Ok(StatementKind::Update(Box::new(update)))
    }

    fn update_body(
        &mut self,
        change: Change,
        set: Spanned<String>,
        meter: Option<Option<u32>>,
    ) -> Parsed<Update> {
        self.skip_newlines();
        let key = self.dynamic_key()?;
        let timeout = self.update_timeout()?;
        let each = self.stateful_statements()?;
        let data = if self.eat_sign(":") { Some(self.dynamic_key()?) } else { None };
        self.skip_newlines();
        Ok(Update { change, set, meter, key, timeout, data, each, drops_if_full: false, negated: false })
    }

    /// Something of the packet, or values, or both in a concatenation.
    fn dynamic_key(&mut self) -> Parsed<Expression> {
        self.weight = 0;
        self.mixed(Side::Mixed)
    }

    fn update_timeout(&mut self) -> Parsed<Option<u64>> {
        let mut timeout = None;
        loop {
            if self.eat_word("timeout") {
                // None at all is that of the set, as in nft.
                timeout = Some(self.duration()?).filter(|timeout| *timeout > 0);
            } else if self.at_word("comment") {
                let span = self.peek().1;
                return self.fail_at(span, "an element that a packet puts in has no comment");
            } else {
                return Ok(timeout);
            }
        }
    }

    /// `limit rate ...`, `counter`, `quota ...`, `ct count ...`: what each element does for itself.
    pub(super) fn stateful_statements(&mut self) -> Parsed<Vec<Statement>> {
        let mut found = Vec::new();
        while let Some((kind, span)) = self.stateful_statement()? {
            found.push(Statement::new(kind, span.to(self.tokens.last)));
        }
        Ok(found)
    }

    fn stateful_statement(&mut self) -> Parsed<Option<(StatementKind, Span)>> {
        let span = self.peek().1;
        let Some(word) = self.peek_word() else {
            return Ok(None);
        };
        let kind = match &*word {
            "counter" => {
                self.tokens.take();
                let (packets, bytes) = self.counts()?;
                StatementKind::Counter { packets, bytes }
            }
            "limit" => {
                self.tokens.take();
                StatementKind::Limit(self.limit()?)
            }
            "quota" => {
                self.tokens.take();
                StatementKind::Quota(self.quota()?)
            }
            "ct" if self.tokens.second_word().as_deref() == Some("count") => {
                self.tokens.take();
                self.connection_limit()?
            }
            "last" => return self.fail_at(span, super::unsupported::LAST),
            _ => return Ok(None),
        };
        Ok(Some((kind, span)))
    }

    /// `count [over] N`
    pub(super) fn connection_limit(&mut self) -> Parsed<StatementKind> {
        self.expect_word("count")?;
        let over = self.eat_word("over");
        let count = self.small("a number of connections")?;
        Ok(StatementKind::ConnectionLimit { count, over })
    }

    fn set_reference(&mut self) -> Parsed<Spanned<String>> {
        if self.eat_sign("@") {
            let name = self.word("the name of a set")?;
            return Ok(Spanned::new(name.to_string(), name.span));
        }
        if self.at_sign("$") {
            let value = self.variable()?;
            return match value.term {
                crate::ruleset::Term::SetName(name) => Ok(Spanned::new(name.into(), value.span)),
                _ => self.fail_at(value.span, "this variable does not hold a set"),
            };
        }
        self.fail_expected("a set: `@name`")
    }
}
