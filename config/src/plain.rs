//! How is a ruleset said in nft's own words alone? Where iptables drops a packet because a header it looks into is cut
//! off, a rule before sends packets with such a header to a chain that looks whether it is whole.

mod elements;
mod recent;
mod sought;

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Span};
use crate::nft;
use crate::policy::{Family, Header};
use crate::print::{self, comment_of_nft};
use crate::ruleset::{
    Chain, Expression, MetaKey, Protocol, Rule, Ruleset, Selector, Statement, StatementKind, Table, Term,
    Verdict, VerdictKind,
};
use recent::Lists;

/// The ruleset without statements that nft has no words for, and what that changes.
///
/// # Errors
/// What cannot be said at all.
pub fn plain(ruleset: &Ruleset) -> Result<(Ruleset, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut said = ruleset.clone();
    let mut saying = Saying { lists: Lists::of(ruleset), ..Saying::default() };
    for table in said.tables.iter_mut() {
        saying.table(table);
    }
    if saying.errors.is_empty() { Ok((said, saying.notes)) } else { Err(saying.errors) }
}

#[derive(Default)]
struct Saying {
    notes: Vec<Diagnostic>,
    errors: Vec<Diagnostic>,
    /// The chains that look at headers, of the table at hand.
    looking: Vec<Chain>,
    /// The rules that send packets there, of the chain at hand, as they are written.
    sent: BTreeSet<String>,
    lists: Lists,
}

impl Saying {
    fn table(&mut self, table: &mut Table) {
        let names: Vec<String> = table.chains.names().map(str::to_owned).collect();
        for chain in table.chains.iter_mut() {
            self.sent.clear();
            let rules = std::mem::take(&mut chain.rules);
            for rule in rules {
                chain.rules.extend(self.rule(rule, table.family, &names));
            }
        }
        for set in table.sets.iter_mut() {
            elements::without_quotas(set, &mut self.errors);
        }
        for chain in self.looking.drain(..) {
            let name = chain.name.clone();
            table.chains.insert(&name, chain);
        }
        for set in self.lists.declared.drain(..) {
            let name = set.name.clone();
            table.sets.insert(&name, set);
        }
    }

    /// The rules that say the same.
    fn rule(&mut self, mut rule: Rule, family: Family, names: &[String]) -> Vec<Rule> {
        self.check(&rule);
        let comment = rule.comment.as_deref().map(comment_of_nft);
        if comment != rule.comment {
            self.notes.push(Diagnostic::new(rule.span, COMMENT));
            rule.comment = comment;
        }
        if let Some(span) = rule.statements.iter().find_map(key_by_index) {
            self.notes.push(Diagnostic::new(span, NO_INDEX));
            return Vec::new();
        }
        if !rule.statements.iter().any(|statement| differs(&statement.kind)) {
            return vec![Rule { joined: false, ..rule }];
        }
        let mut before: Vec<Rule> = Vec::new();
        let mut bodies: Vec<Vec<Statement>> = vec![Vec::new()];
        for statement in rule.statements {
            let span = statement.span;
            match statement.kind {
                StatementKind::Whole { header, protocol } => {
                    let remembers = bodies[0].iter().any(|statement| remembers(&statement.kind));
                    let looks = looks(header, family).filter(|_| !remembers && bodies.len() == 1);
                    let Some((name, texts)) = looks else {
                        self.notes.push(Diagnostic::new(span, NOT_DROPPED));
                        continue;
                    };
                    let name = free(name, names);
                    self.look(&name, &texts, span);
                    let mut statements: Vec<Statement> = bodies[0]
                        .iter()
                        .filter(|s| !matches!(s.kind, StatementKind::Counter { .. }))
                        .cloned()
                        .collect();
                    statements.extend(protocol.and_then(|protocol| stated(protocol, &statements, span)));
                    let kind = VerdictKind::Jump(name.into_boxed_str());
                    statements.push(Statement::new(StatementKind::Verdict(Verdict { kind, span }), span));
                    let sends = Rule { span: rule.span, statements, comment: None, joined: false, handle: 0 };
                    // Who was sent there before and came back has a whole header. A mark may have changed.
                    let words = print::rule(&sends);
                    if self.sent.insert(words.clone()) || words.contains("mark") {
                        before.push(sends);
                    }
                }
                StatementKind::Sought { sought, negated } => match sought::words(sought, negated) {
                    Some(texts) if texts.len() == 1 || bodies.len() == 1 => {
                        self.notes.extend(sought::note(sought).map(|note| Diagnostic::new(span, note)));
                        let read: Result<Vec<_>, _> =
                            texts.iter().map(|text| nft::statements(text, span)).collect();
                        match read {
                            Ok(all) => {
                                let each = |body: &Vec<Statement>| {
                                    let longer = all.iter().map(|more| [body.as_slice(), more].concat());
                                    longer.collect::<Vec<_>>()
                                };
                                bodies = bodies.iter().flat_map(each).collect();
                            }
                            Err(error) => self.errors.push(error),
                        }
                    }
                    _ => self.errors.push(Diagnostic::new(span, sought::unsaid(sought))),
                },
                StatementKind::SourceRoute { .. } => {
                    self.errors.push(Diagnostic::new(span, sought::NO_ROUTES));
                }
                StatementKind::Recent(recent) => match self.lists.say(&recent, family, span) {
                    Ok((statements, note)) => {
                        self.notes.push(note);
                        bodies.iter_mut().for_each(|body| body.extend_from_slice(&statements));
                    }
                    Err(error) => self.errors.push(error),
                },
                StatementKind::Update(mut update) => {
                    if std::mem::take(&mut update.drops_if_full) {
                        self.notes.push(Diagnostic::new(span, FULL));
                    }
                    let negated = std::mem::take(&mut update.negated);
                    for each in &mut update.each {
                        let StatementKind::Limit(limit) = &mut each.kind else { continue };
                        limit.over ^= negated;
                        if limit.window.is_some() {
                            self.errors.push(Diagnostic::new(span, NO_WINDOWS));
                        }
                    }
                    let statement = Statement::new(StatementKind::Update(update), span);
                    bodies.iter_mut().for_each(|body| body.push(statement.clone()));
                }
                kind => {
                    let statement = Statement::new(kind, span);
                    bodies.iter_mut().for_each(|body| body.push(statement.clone()));
                }
            }
        }
        let several = bodies.len() > 1;
        let counts = |body: &Vec<Statement>| body.iter().any(|statement| remembers(&statement.kind));
        if several && bodies.iter().any(counts) {
            self.errors.push(Diagnostic::new(
                rule.span,
                "nft has no words for this in one rule, and it counts packets",
            ));
        }
        let after = bodies.into_iter().map(|statements| Rule {
            span: rule.span,
            statements,
            comment: rule.comment.clone(),
            joined: false,
            handle: 0,
        });
        before.into_iter().chain(after).collect()
    }

    /// Complains about what only Sluice reads.
    fn check(&mut self, rule: &Rule) {
        for statement in &rule.statements {
            if let StatementKind::Set(_, value) = &statement.kind
                && joins_two(value)
            {
                self.errors.push(Diagnostic::new(statement.span, NO_TWO));
                return;
            }
            let StatementKind::Match(comparison) = &statement.kind else { continue };
            if asks_ah6(&comparison.left) {
                self.errors.push(Diagnostic::new(
                    statement.span,
                    "nft has no words for the authentication header of IPv6",
                ));
                return;
            }
        }
    }

    /// Adds the chain that looks at a header, once.
    fn look(&mut self, name: &str, texts: &[String], span: Span) {
        if self.looking.iter().any(|chain| chain.name == name) {
            return;
        }
        let mut chain = Chain::new(name, span);
        chain.comment = Some("drops what is cut off, as iptables does".to_owned());
        for text in texts {
            match nft::statements(text, span) {
                Ok(statements) => {
                    chain.rules.push(Rule { span, statements, comment: None, joined: false, handle: 0 });
                }
                Err(error) => self.errors.push(error),
            }
        }
        self.looking.push(chain);
    }
}

/// The name of the chain that looks whether the header is whole, and its rules.
fn looks(header: Header, family: Family) -> Option<(String, Vec<String>)> {
    let tail = |offset: &str| match family {
        Family::Ip => format!("ip frag-off & 0x1fff {offset}"),
        _ => format!("frag frag-off {offset}"),
    };
    let is_tail = tail("!= 0");
    let readable = |bytes: usize| format!("@th,{},8 >= 0", 8 * (bytes - 1));
    let (name, mut texts) = match header {
        Header::Transport(bytes) => {
            let bytes = usize::from(bytes);
            (
                format!("whole-{bytes}"),
                vec![format!("{is_tail} return"), format!("{} return", readable(bytes))],
            )
        }
        Header::Tcp => (
            "whole-tcp".to_owned(),
            vec![
                format!("{} drop", tail("1")),
                format!("{is_tail} return"),
                format!("{} return", readable(20)),
            ],
        ),
        Header::TcpOptions => {
            let mut texts = vec![format!("{} drop", tail("1")), format!("{is_tail} return")];
            let lengths = (5..=15).map(|words| format!("tcp doff {words} {} return", readable(4 * words)));
            texts.extend(lengths);
            ("whole-tcp-options".to_owned(), texts)
        }
        Header::Mobility | Header::DccpOptions | Header::Extension { .. } => return None,
    };
    texts.push("drop".to_owned());
    Some((name, texts))
}

/// `name`, or the like if a chain is called so.
fn free(name: String, names: &[String]) -> String {
    let taken = |name: &String| names.contains(name);
    if !taken(&name) {
        return name;
    }
    (2..).map(|number| format!("{name}-{number}")).find(|name| !taken(name)).unwrap_or(name)
}

/// That the packet is of the protocol, unless that is said already.
fn stated(protocol: Protocol, before: &[Statement], span: Span) -> Option<Statement> {
    let said = before.iter().any(|statement| match &statement.kind {
        StatementKind::Match(comparison) => match comparison.left.term {
            Term::Selector(Selector::Header(field)) => {
                field.protocol == protocol
                    || matches!((field.protocol, field.name), (Protocol::Ip, "protocol"))
            }
            Term::Selector(Selector::Meta(MetaKey::L4Proto)) => true,
            _ => false,
        },
        _ => false,
    });
    let name = match protocol {
        Protocol::Icmpv6 => "ipv6-icmp",
        other => other.name(),
    };
    if said {
        return None;
    }
    nft::statements(&format!("meta l4proto {name}"), span).ok()?.into_iter().next()
}

/// Whether nft has no word for a statement, or none for all that it does.
fn differs(kind: &StatementKind) -> bool {
    kind.is_unsaid() || matches!(kind, StatementKind::Update(update) if update.drops_if_full)
}

/// The change to a set whose key has bits of a header in place of a port, as the kernel has of AH.
fn key_by_index(statement: &Statement) -> Option<Span> {
    let StatementKind::Update(update) = &statement.kind else { return None };
    let Term::Concat(parts) = &update.key.term else { return None };
    let raw = |part: &Expression| matches!(part.term, Term::Selector(Selector::Raw { .. }));
    (update.drops_if_full && parts.iter().any(raw)).then_some(statement.span)
}

/// Whether a statement changes something, or draws a number.
fn remembers(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::Limit(_)
        | StatementKind::Quota(_)
        | StatementKind::Named(..)
        | StatementKind::Mapped { .. }
        | StatementKind::ConnectionLimit { .. }
        | StatementKind::Recent(_)
        | StatementKind::Update(_) => true,
        StatementKind::Match(comparison) => draws(&comparison.left),
        _ => false,
    }
}

fn draws(expression: &Expression) -> bool {
    match &expression.term {
        Term::Selector(selector) => {
            matches!(selector, Selector::Number { .. } | Selector::Meta(MetaKey::Random))
        }
        Term::Binary(_, both) => draws(&both.0) || draws(&both.1),
        _ => false,
    }
}

fn asks_ah6(expression: &Expression) -> bool {
    match &expression.term {
        Term::Selector(Selector::Header(field)) => field.protocol == Protocol::Ah6,
        Term::Selector(Selector::Exists(part)) => *part == crate::policy::Part::Extension(51),
        Term::Binary(_, both) => asks_ah6(&both.0) || asks_ah6(&both.1),
        _ => false,
    }
}

/// Whether it takes bits of the packet on both sides of an operator.
fn joins_two(expression: &Expression) -> bool {
    match &expression.term {
        Term::Binary(_, both) => joins_two(&both.0) || is_of_packet(&both.1),
        Term::Map(key, _) => joins_two(key),
        _ => false,
    }
}

fn is_of_packet(expression: &Expression) -> bool {
    match &expression.term {
        Term::Selector(_) | Term::Map(..) => true,
        Term::Binary(_, both) => is_of_packet(&both.0) || is_of_packet(&both.1),
        _ => false,
    }
}

const NO_TWO: &str = "nft has no words for a mark that is made of two values of the packet";
const NO_INDEX: &str = "of an authentication header iptables takes the index for ports; nft has no words for that, and what is \
                        printed does not match these packets";
const COMMENT: &str = "a comment of nft has at most 128 bytes and no quotes: it is printed so";
const NO_WINDOWS: &str = "nft has no words for a rate that is measured from window to window";
const FULL: &str = "iptables drops a packet when this table is full, and counts connections it has not seen in a way of its own; \
                    nft has no words for that, and what is printed goes on to the next rule";
const NOT_DROPPED: &str = "iptables drops a packet whose header is cut off here; nft has no words for that, and what is \
                           printed goes on to the next rule";
