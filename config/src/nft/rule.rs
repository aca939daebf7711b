//! How is a rule read, statement by statement?

use super::expression::Side;
use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Change, Icmpx, ObjectKind, Reject, Target};
use crate::reject_codes;
use crate::ruleset::{
    BinaryOperator, CtKey, Expression, Literal, MapSource, Match, MetaKey, RejectWith, Relation, Rule,
    Selector, Statement, StatementKind, Term, Verdict, VerdictKind,
};
use crate::suggestion::did_you_mean;

impl Parser<'_> {
    /// A rule, up to the end of the statement.
    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        let start = self.peek().1;
        let mut statements = Vec::new();
        let mut comment = None;
        while !self.at_end() {
            if self.eat_word("comment") {
                comment = Some(self.comment()?);
                break;
            }
            let before = self.peek().1;
            let kind = self.statement()?;
            statements.push(Statement::new(kind, before.to(self.tokens.last)));
        }
        if statements.is_empty() {
            return self.fail_expected("a statement");
        }
        // There may be very many rules of one statement.
        statements.shrink_to_fit();
        Ok(Rule { span: start.to(self.tokens.last), statements, comment, joined: false, handle: 0 })
    }

    fn statement(&mut self) -> Parsed<StatementKind> {
        if let Some(verdict) = self.verdict()? {
            return Ok(StatementKind::Verdict(verdict));
        }
        let Some(word) = self.peek_word() else {
            return self.comparison();
        };
        let second = |parser: &mut Self, wanted: &[&str]| {
            parser.tokens.second_word().is_some_and(|second| wanted.contains(&&*second))
        };
        match &*word {
            "counter" | "limit" | "quota" => {
                self.tokens.take();
                self.stateful(&word)
            }
            "reject" => {
                self.tokens.take();
                Ok(StatementKind::Reject(self.reject()?))
            }
            "notrack" => {
                self.tokens.take();
                Ok(StatementKind::Notrack)
            }
            "log" => {
                self.tokens.take();
                self.log()
            }
            "ct" if second(self, &["count"]) => {
                self.tokens.take();
                self.connection_limit()
            }
            "ct" if second(self, &["helper", "timeout", "expectation"])
                && self.tokens.third_word_is("set") =>
            {
                self.tokens.take();
                self.give_to_connection()
            }
            "add" | "update" | "delete" => {
                self.tokens.take();
                self.update(match &*word {
                    "add" => Change::Add,
                    "update" => Change::Update,
                    _ => Change::Delete,
                })
            }
            "set" => {
                self.tokens.take();
                self.old_update()
            }
            "meter" => {
                self.tokens.take();
                self.meter()
            }
            "flow" if second(self, &["table"]) => {
                self.tokens.take();
                self.tokens.take();
                self.meter()
            }
            _ => self.comparison(),
        }
    }

    /// What comes behind `counter`, `limit` or `quota`.
    fn stateful(&mut self, word: &str) -> Parsed<StatementKind> {
        let kind = match word {
            "counter" => ObjectKind::Counter,
            "limit" => ObjectKind::Limit,
            _ => ObjectKind::Quota,
        };
        if self.eat_word("name") {
            if self.at_selector() {
                let key = self.left()?;
                self.expect_word("map")?;
                let map = self.map_source()?;
                return Ok(StatementKind::Mapped { kind, key, map });
            }
            let named = self.name("a name")?;
            return Ok(match kind {
                ObjectKind::Counter => StatementKind::CounterName(named.node),
                _ => StatementKind::Named(kind, named.node),
            });
        }
        Ok(match kind {
            ObjectKind::Counter => {
                let (packets, bytes) = self.counts()?;
                StatementKind::Counter { packets, bytes }
            }
            ObjectKind::Limit => StatementKind::Limit(self.limit()?),
            _ => StatementKind::Quota(self.quota()?),
        })
    }

    fn comparison(&mut self) -> Parsed<StatementKind> {
        let left = self.left()?;
        if self.eat_word("vmap") {
            let map = self.map_source()?;
            return Ok(StatementKind::VerdictMap { key: left, map });
        }
        if self.at_word("set") {
            return self.assignment(&left);
        }
        if self.at_word("map") {
            let span = self.peek().1;
            let text = "what a map holds can be set or counted, but not compared";
            return Err(self.fail(Diagnostic::new(span, text).help("a verdict comes from `vmap`")));
        }
        let relation = self.relation();
        let right = self.right()?;
        if self.at_sign("/") {
            return self.masked(left, relation, right);
        }
        Ok(StatementKind::Match(Match { left, relation, right }))
    }

    /// `left set value`
    fn assignment(&mut self, left: &Expression) -> Parsed<StatementKind> {
        let set = self.expect_word("set")?;
        let target = match left.term {
            Term::Selector(Selector::Meta(MetaKey::Mark)) => Target::Mark,
            Term::Selector(Selector::Meta(MetaKey::PktType)) => Target::PacketType,
            Term::Selector(Selector::Ct(CtKey::Mark)) => Target::CtMark,
            Term::Selector(Selector::Ct(CtKey::Zone)) => Target::CtZone,
            Term::Selector(Selector::Meta(_) | Selector::Ct(_)) => {
                return self.fail_at(left.span.to(set), "this cannot be set in front of a wire");
            }
            _ => {
                let text = "setting a field is not supported: Sluice does not rewrite packets";
                return self.fail_at(left.span.to(set), text);
            }
        };
        self.weight = 0;
        let value = self.mixed(Side::Mixed)?;
        Ok(StatementKind::Set(target, value))
    }

    /// `flags VALUE / MASK`: the masked field equals the value.
    fn masked(&mut self, left: Expression, relation: Relation, right: Expression) -> Parsed<StatementKind> {
        let slash = self.expect_sign("/")?;
        let relation = match relation {
            Relation::Implicit | Relation::Equal => Relation::Equal,
            Relation::NotEqual => Relation::NotEqual,
            _ => return self.fail_at(slash, "a mask goes with `==` and `!=` only"),
        };
        if let Term::Set(_) | Term::SetName(_) = right.term {
            return self.fail_at(slash, "a mask goes with one value: write `& (MASK) ==` before a set");
        }
        let held = self.at_sign("$");
        let mask = self.right()?;
        if held || !matches!(mask.term, Term::List(_)) {
            return self
                .fail_at(mask.span, "behind `/` stands a list of flags: write `& MASK ==` before the value");
        }
        let span = left.span;
        self.deepen(1, span)?;
        let both = Box::new((left, mask));
        let term = Term::Binary(BinaryOperator::And, both);
        Ok(StatementKind::Match(Match { left: Expression::new(term, span), relation, right }))
    }

    pub(super) fn map_source(&mut self) -> Parsed<MapSource> {
        if self.at_sign("{") {
            return Ok(MapSource::Elements(Box::new(self.elements()?.0)));
        }
        if self.eat_sign("@") {
            let name = self.word("the name of a map")?;
            return Ok(MapSource::Name((&*name).into(), name.span));
        }
        if self.at_sign("$") {
            let value = self.variable()?;
            match value.term {
                Term::Set(elements) => return Ok(MapSource::Elements(elements)),
                Term::SetName(name) => return Ok(MapSource::Name(name, value.span)),
                _ => return self.fail_at(value.span, "this variable does not hold a map"),
            }
        }
        self.fail_expected("a map: `{ key : value, ... }` or `@name`")
    }

    /// A verdict, if one comes next.
    pub(super) fn verdict(&mut self) -> Parsed<Option<Verdict>> {
        let Some(word) = self.peek_word() else {
            return Ok(None);
        };
        let kind = match &*word {
            "accept" => VerdictKind::Accept,
            "drop" => VerdictKind::Drop,
            "continue" => VerdictKind::Continue,
            "return" => VerdictKind::Return,
            "jump" | "goto" => {
                self.tokens.take();
                return Ok(Some(self.jump(&word)?));
            }
            _ => return Ok(None),
        };
        self.tokens.take();
        Ok(Some(Verdict { kind, span: word.span }))
    }

    fn jump(&mut self, word: &str) -> Parsed<Verdict> {
        if self.at_sign("{") {
            return self.bound_chain(word);
        }
        let chain = self.name("the name of a chain")?;
        let name = chain.node.into_boxed_str();
        let kind = match word {
            "jump" => VerdictKind::Jump(name),
            _ => VerdictKind::Goto(name),
        };
        Ok(Verdict { kind, span: chain.span })
    }

    /// `packets N bytes N`, in any order.
    pub(super) fn counts(&mut self) -> Parsed<(u64, u64)> {
        let (mut packets, mut bytes) = (0, 0);
        loop {
            if self.eat_word("packets") {
                packets = self.number("a number of packets")?.node;
            } else if self.eat_word("bytes") {
                bytes = self.number("a number of bytes")?.node;
            } else {
                return Ok((packets, bytes));
            }
        }
    }

    fn reject(&mut self) -> Parsed<RejectWith> {
        if !self.eat_word("with") {
            return Ok(RejectWith::Default);
        }
        let kind = self.word("`tcp`, `icmp`, `icmpv6` or `icmpx`")?;
        if &*kind == "tcp" {
            self.expect_word("reset")?;
            return Ok(RejectWith::Said(Reject::TcpReset));
        }
        if !matches!(&*kind, "icmp" | "icmpv6" | "icmpx") {
            let text = format!("`{}` is not a way to reject", &*kind);
            let mut complaint = Diagnostic::new(kind.span, text);
            complaint.help = did_you_mean(&kind, ["tcp", "icmp", "icmpv6", "icmpx"]);
            return Err(self.fail(complaint));
        }
        self.eat_word("type");
        let code = self.right()?;
        let found = match &code.term {
            Term::Literal(Literal::Number(number)) => {
                u8::try_from(*number).ok().filter(|code| *code < u8::MAX)
            }
            Term::Literal(Literal::Word(word)) => reject_codes::code(&kind, word),
            _ => None,
        };
        let Some(code_number) = found else {
            return Err(self.fail(unknown_code(&kind, code.span)));
        };
        Ok(RejectWith::Said(match &*kind {
            "icmp" => Reject::Icmp(code_number),
            "icmpv6" => Reject::Icmpv6(code_number),
            _ => match code_number {
                0 => Reject::Icmpx(Icmpx::NoRoute),
                1 => Reject::Icmpx(Icmpx::PortUnreachable),
                2 => Reject::Icmpx(Icmpx::HostUnreachable),
                3 => Reject::Icmpx(Icmpx::AdminProhibited),
                _ => return Err(self.fail(unknown_code(&kind, code.span))),
            },
        }))
    }
}

fn unknown_code(kind: &str, span: Span) -> Diagnostic {
    let known: Vec<&str> = reject_codes::names(kind).collect();
    Diagnostic::new(span, format!("this is not a code to reject with {kind}"))
        .help(format!("one of {}", known.join(", ")))
}
