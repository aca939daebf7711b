//! How is a rule read, statement by statement?

use super::parser::{Parsed, Parser};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Icmpx, Reject};
use crate::reject_codes;
use crate::ruleset::{
    Literal, Match, RejectWith, Relation, Rule, Statement, StatementKind, Term, Verdict, VerdictKind,
    VerdictMapSource,
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
                comment = Some(self.text("a comment in quotes")?.node);
                break;
            }
            let before = self.peek().1;
            let kind = self.statement()?;
            statements.push(Statement::new(kind, before.to(self.tokens.last)));
        }
        if statements.is_empty() {
            return self.fail_expected("a statement");
        }
        Ok(Rule { span: start.to(self.tokens.last), statements, comment })
    }

    fn statement(&mut self) -> Parsed<StatementKind> {
        if let Some(verdict) = self.verdict()? {
            return Ok(StatementKind::Verdict(verdict));
        }
        if self.eat_word("counter") {
            return self.counter();
        }
        if self.eat_word("reject") {
            return Ok(StatementKind::Reject(self.reject()?));
        }
        if self.eat_word("notrack") {
            return Ok(StatementKind::Notrack);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<StatementKind> {
        let left = self.left()?;
        if self.eat_word("vmap") {
            let map = self.verdict_map()?;
            return Ok(StatementKind::VerdictMap { key: left, map });
        }
        for (word, what) in [("set", "setting a field"), ("map", "mapping to a value")] {
            if self.at_word(word) {
                let span = self.peek().1;
                return self.fail_at(span, format!("{what} is not supported yet"));
            }
        }
        let relation = self.relation();
        let right = self.right()?;
        if self.at_sign("/") {
            return self.masked(left, relation, right);
        }
        Ok(StatementKind::Match(Match { left, relation, right }))
    }

    /// `flags VALUE / MASK`: the masked field equals the value.
    fn masked(
        &mut self,
        left: crate::ruleset::Expression,
        relation: Relation,
        right: crate::ruleset::Expression,
    ) -> Parsed<StatementKind> {
        let slash = self.expect_sign("/")?;
        let relation = match relation {
            Relation::Implicit | Relation::Equal => Relation::Equal,
            Relation::NotEqual => Relation::NotEqual,
            _ => return self.fail_at(slash, "a mask goes with `==` and `!=` only"),
        };
        let mask = self.right()?;
        let span = left.span;
        self.deepen(1, span)?;
        let both = Box::new((left, mask));
        let term = Term::Binary(crate::ruleset::BinaryOperator::And, both);
        Ok(StatementKind::Match(Match { left: crate::ruleset::Expression::new(term, span), relation, right }))
    }

    fn verdict_map(&mut self) -> Parsed<VerdictMapSource> {
        if self.at_sign("{") {
            return Ok(VerdictMapSource::Elements(self.elements()?.0));
        }
        if self.eat_sign("@") {
            let name = self.word("the name of a map")?;
            return Ok(VerdictMapSource::Name((&*name).into(), name.span));
        }
        if self.at_sign("$") {
            let value = self.variable()?;
            match value.term {
                Term::Set(elements) => return Ok(VerdictMapSource::Elements(elements)),
                Term::SetName(name) => return Ok(VerdictMapSource::Name(name, value.span)),
                _ => return self.fail_at(value.span, "this variable does not hold a map"),
            }
        }
        self.fail_expected("a map: `{ key : verdict, ... }` or `@name`")
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
            let span = self.peek().1;
            return self.fail_at(span, "a chain without a name is not supported yet");
        }
        let chain = self.name("the name of a chain")?;
        let name = chain.node.into_boxed_str();
        let kind = match word {
            "jump" => VerdictKind::Jump(name),
            _ => VerdictKind::Goto(name),
        };
        Ok(Verdict { kind, span: chain.span })
    }

    fn counter(&mut self) -> Parsed<StatementKind> {
        if self.eat_word("name") {
            let named = self.name("the name of a counter")?;
            if self.at_word("map") {
                return self.fail_at(named.span, "a map to counters is not supported yet");
            }
            return Ok(StatementKind::CounterName(named.node));
        }
        let (packets, bytes) = self.counts()?;
        Ok(StatementKind::Counter { packets, bytes })
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
            Term::Literal(Literal::Number(number)) => u8::try_from(*number).ok(),
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
