//! Is what the lint says true? Each kind of finding is held against the plain interpreter: random rulesets, every
//! finding, its own example and many packets besides.

use config::lint::{Example, Finding, Keep, Kind, lint};
use config::policy::{
    Base, ChainId, ChainPolicy, Counter, CounterId, Hook, Match, Policy, RuleId, Statement, Test,
    Verdict as Said, ct_state, interface_value,
};
use config::{NoFiles, Source, load, parse};
use dataplane::classify::{
    Counters, DecidedBy, Direction, Evaluation, Facts, Phase, Stage, Verdict, reference,
};
use dataplane::object::Objects;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeMap;

const PACKETS: usize = 150;

/// Random decisions; behind the end of the list the plainest.
struct Choices<'a>(std::slice::Iter<'a, u32>);

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |&number| number as usize % count)
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

const CONDITIONS: [&str; 38] = [
    "tcp dport 22",
    "tcp dport 80",
    "tcp dport 1-100",
    "tcp dport { 22, 80 }",
    "tcp dport != 22",
    "tcp dport != { 22, 80 }",
    "tcp dport < 53",
    "udp dport 53",
    "udp dport { 53, 80 }",
    "th dport 22",
    "ip saddr 10.0.0.0/30",
    "ip saddr 10.0.0.1",
    "ip saddr != 10.0.0.0/31",
    "ip saddr @low",
    "ip saddr @some",
    "ip6 saddr fd00::/126",
    "ip6 daddr fd00::1",
    "ip ttl 64",
    "meta nfproto ipv4",
    "meta l4proto { tcp, udp }",
    "meta l4proto icmpv6",
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }",
    "icmp type echo-request",
    "ct state new",
    "ct state established,related",
    "ct state invalid",
    "ct state == established,new",
    "ct state != established,related",
    "ct state { new, established }",
    "ct direction reply",
    "iifname \"eth*\"",
    "oifname \"eth0\"",
    "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.0/30 . 80-90 }",
    "tcp flags & (syn | ack) == syn",
    "meta mark 1",
    "ct state & (new | established) == (new | established)",
    "ip saddr . tcp dport @pairs",
    "tcp dport { 22, 1-100, 80 }",
];

const EFFECTS: [&str; 17] = [
    "accept",
    "accept",
    "accept",
    "drop",
    "drop",
    "reject",
    "return",
    "jump first",
    "jump second",
    "goto first",
    "counter accept",
    "counter",
    "",
    "tcp dport vmap { 22 : accept, 80-90 : drop, 53 : jump first }",
    "reject with tcp reset",
    "notrack",
    "jump nothing",
];

/// What rulesets have that few random ones would.
const USUAL: [&str; 6] = [
    "ct state established,related accept",
    "ct state established,related accept",
    "tcp dport != 22 drop",
    "meta l4proto { tcp, udp } drop",
    "ip saddr @low accept",
    "ip saddr @some drop",
];

fn rules(choices: &mut Choices<'_>, targets: bool) -> String {
    let mut text = String::new();
    for _ in 0..choices.of(&[3, 1, 5, 8, 14]) {
        let count = choices.of(&[1, 0, 1, 2, 2, 3]);
        let conditions: Vec<&str> = (0..count).map(|_| choices.of(&CONDITIONS)).collect();
        let mut effect = choices.of(&EFFECTS);
        if !targets && (effect.contains("first") || effect.contains("second")) {
            effect = "accept";
        }
        let rule = format!("{} {effect}", conditions.join(" "));
        let rule = if rule.trim().is_empty() { "accept" } else { rule.trim() };
        text.push_str(&format!("\t\t{rule}\n"));
    }
    text
}

/// A ruleset that loads.
fn ruleset(choices: &mut Choices<'_>) -> Option<String> {
    let family = choices.of(&["inet", "inet", "inet", "ip"]);
    let hook = choices.of(&["input", "input", "output", "forward"]);
    let policy = choices.of(&["drop", "accept"]);
    let (mut main, first, second) = (rules(choices, true), rules(choices, false), rules(choices, false));
    for _ in 0..choices.below(3) {
        let lines: Vec<&str> = main.lines().collect();
        let (before, behind) = lines.split_at(choices.below(lines.len() + 1));
        let usual = choices.of(&USUAL);
        main = [before, &[usual], behind].concat().join("\n") + "\n";
    }
    let early = match choices.below(3) {
        0 => format!(
            "\tchain early {{\n\t\ttype filter hook {hook} priority -10;\n{}\t}}\n",
            rules(choices, true)
        ),
        _ => String::new(),
    };
    let text = format!(
        "table {family} t {{\n\tset low {{ type ipv4_addr; flags interval; auto-merge; elements = {{ 10.0.0.0/31, 10.0.0.1 }}; }}\n\
         \tset some {{ type ipv4_addr; elements = {{ 10.0.0.1, 10.0.0.3, 10.0.0.5 }}; }}\n\
         \tset pairs {{ type ipv4_addr . inet_service; elements = {{ 10.0.0.1 . 22, 10.0.0.3 . 80 }}; }}\n\tchain nothing {{\n\t}}\n\
         \tchain base {{\n\t\ttype filter hook {hook} priority 0; policy {policy};\n{main}\t}}\n\
         \tchain first {{\n{first}\t}}\n\tchain second {{\n{second}\t}}\n{early}}}\n"
    );
    parse(&[Source::new("random", text.as_str())], &mut NoFiles).is_ok().then_some(text)
}

/// A frame and what is known of it besides.
#[derive(Debug, Clone)]
struct Sample {
    frame: Vec<u8>,
    ct_state: u32,
    ct_direction: Option<Direction>,
    iif: Option<u128>,
    oif: Option<u128>,
}

impl Sample {
    fn random(choices: &mut Choices<'_>) -> Self {
        let (source, destination) = (choices.below(6) as u8, choices.below(3) as u8);
        let v6 = choices.below(3) == 0;
        let protocol = choices.of(&[6, 6, 6, 17, 17, 1, 58, 47]);
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, protocol, 64]);
            for end in [source, destination] {
                frame.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
            }
        } else {
            let ttl = choices.of(&[64, 63]);
            let head =
                [0x45, 0, 0, 40, 0, 1, 0, 0, ttl, protocol, 0, 0, 10, 0, 0, source, 192, 0, 2, destination];
            frame.extend([8, 0]);
            frame.extend(head);
        }
        let mut transport = [0; 20];
        match protocol {
            1 => transport[0] = choices.of(&[8, 0, 3]),
            58 => transport[0] = choices.of(&[135, 136, 128, 1]),
            _ => {
                let port: u16 = choices.of(&[22, 80, 53, 1, 85, 443]);
                transport[..2].copy_from_slice(&choices.of(&[4242_u16, 22]).to_be_bytes());
                transport[2..4].copy_from_slice(&port.to_be_bytes());
                transport[12] = 0x50;
                transport[13] = choices.of(&[0x02, 0x10, 0x12, 0x29, 0x00, 0x04]);
            }
        }
        frame.extend(transport);
        let (ct_state, ct_direction) = choices.of(&[
            (ct_state::NEW, Some(Direction::Original)),
            (ct_state::NEW, Some(Direction::Original)),
            (ct_state::ESTABLISHED, Some(Direction::Reply)),
            (ct_state::ESTABLISHED, Some(Direction::Original)),
            (ct_state::RELATED, Some(Direction::Reply)),
            (ct_state::INVALID, None),
            (ct_state::UNTRACKED, None),
        ]);
        let names = [interface_value("eth0"), interface_value("eth1"), interface_value("lo")];
        Self { frame, ct_state, ct_direction, iif: choices.of(&names), oif: choices.of(&names) }
    }

    fn of(example: &Example) -> Self {
        let some = |name: u128| (name != 0).then_some(name);
        let ct_direction =
            example.ct_direction.map(|way| if way == 0 { Direction::Original } else { Direction::Reply });
        let Example { frame, ct_state, iif, oif, .. } = example.clone();
        Self { frame, ct_state, ct_direction, iif: some(iif), oif: some(oif) }
    }
}

/// What the interpreter says, and how often the last counter was met.
fn run(policy: &Policy, sample: &Sample) -> (Verdict, DecidedBy, u64) {
    let mut sample = sample.clone();
    if sample.frame[12] == 8 {
        // RFC 791: the header as a sum of its words in ones' complement.
        sample.frame[24..26].fill(0);
        let words = sample.frame[14..34].chunks(2);
        let sum: u32 = words.map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        sample.frame[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
    let packet = dataplane::packet::parse_with(&sample.frame[..], dataplane::packet::Checksums::Trusted);
    let Sample { frame, ct_state, ct_direction, iif, oif } = &sample;
    let facts = Facts {
        ct_state: *ct_state,
        ct_direction: *ct_direction,
        iif: *iif,
        oif: *oif,
        ct_mark: ct_direction.map(|_| 0),
        ..Facts::of(&packet, &frame[..])
    };
    let hook = policy.chains.iter().find_map(|chain| chain.base).expect("a base chain").hook;
    let counters = Counters::new(policy.counters.len());
    let mut evaluation = Evaluation::new();
    let stages = [Stage { hook, phase: Phase::AfterTracking }];
    let objects = Objects::new(policy, 0, [1, 2, 3, 4]).expect("made to run");
    reference::run(policy, &objects, &stages, &facts, &counters, &mut evaluation);
    let last = policy.counters.len().checked_sub(1).map_or(0, |last| counters.read(CounterId(last as u32)).0);
    (evaluation.decision().verdict, evaluation.decision().decided_by, last)
}

/// The policy with the statements of one rule changed.
fn changed(policy: &Policy, rule: RuleId, change: impl FnOnce(&mut Vec<Statement>)) -> Policy {
    let mut policy = policy.clone();
    change(&mut policy.rules[rule.index()].statements);
    policy
}

/// The policy with a counter, its last, where the rule has matched.
fn counting(policy: &Policy, rule: RuleId) -> Policy {
    let mut policy = policy.clone();
    let counter = Statement::Counter(CounterId(policy.counters.len() as u32));
    policy.counters.push(Counter::default());
    let statements = &mut policy.rules[rule.index()].statements;
    let ends = |statement: &Statement| matches!(statement, Statement::Verdict(_) | Statement::Reject(_));
    let at = statements.iter().position(ends).unwrap_or(statements.len());
    statements.insert(at, counter);
    policy
}

/// The policy in which the base chain is `rule` alone, counted where it matches.
fn alone(policy: &Policy, rule: RuleId) -> Policy {
    let mut policy = counting(policy, rule);
    let mut only = policy.rules[rule.index()].clone();
    let base = policy.chains.iter().position(|chain| chain.base.is_some()).unwrap();
    only.chain = ChainId(base as u32);
    let end = policy.rules.len() as u32;
    policy.rules.push(only);
    for chain in policy.chains.iter_mut().filter(|chain| chain.base.is_some()) {
        chain.rules = 0..0;
        chain.base = chain.base.map(|base| Base { policy: ChainPolicy::Accept, ..base });
    }
    policy.chains[base].rules = end..end + 1;
    policy
}

/// Whether packets meet two base chains, of which the second has the last word.
fn has_early(policy: &Policy) -> bool {
    policy.chains.iter().any(|chain| chain.name == "early")
}

fn has_map(policy: &Policy, rule: RuleId) -> bool {
    let statements = &policy.rules[rule.index()].statements;
    statements.iter().any(|statement| matches!(statement, Statement::VerdictMap { .. }))
}

fn says(statements: &[Statement], verdict: Said) -> bool {
    statements.contains(&Statement::Verdict(verdict))
}

/// Holds one finding against the interpreter.
fn check(policy: &Policy, finding: &Finding, samples: &[Sample], keep: Keep) -> Result<(), String> {
    let example = finding.packet.as_ref().map(|(example, _)| Sample::of(example));
    let shown = example.as_ref().map(|example| run(policy, example));
    let all = || samples.iter().chain(example.as_ref());
    let need = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    match finding.kind {
        Kind::Shadowed | Kind::NeverMatches => {
            let rule = finding.rule.ok_or("a rule")?;
            let counted = counting(policy, rule);
            let without = changed(policy, rule, Vec::clear);
            for sample in all() {
                let (verdict, by, met) = run(&counted, sample);
                need(by != DecidedBy::Rule(rule), "it decides")?;
                need(met == 0 || has_map(policy, rule), "it matches")?;
                let gone = run(&without, sample);
                need((gone.0, gone.1) == (verdict, by), "it matters")?;
            }
            if finding.kind == Kind::Shadowed {
                let fits =
                    |example: &Sample| has_map(policy, rule) || run(&alone(policy, rule), example).2 == 1;
                need(example.as_ref().is_none_or(fits), "the example does not fit the rule by itself")?;
                need(!finding.by.is_empty(), "nobody takes it")?;
            }
            Ok(())
        }
        Kind::Redundant => {
            let rule = finding.rule.ok_or("a rule")?;
            let without = changed(policy, rule, Vec::clear);
            for sample in all() {
                need(run(&without, sample).0 == run(policy, sample).0, "it changes a verdict")?;
            }
            let decides = !has_early(policy) && says(&policy.rules[rule.index()].statements, Said::Accept)
                || says(&policy.rules[rule.index()].statements, Said::Drop);
            let shown = shown.ok_or("an example")?;
            need(!decides || shown.1 == DecidedBy::Rule(rule), "the example is not decided by it")
        }
        Kind::CtState => {
            let rule = finding.rule.ok_or("a rule")?;
            let never = finding.diagnostic.message.contains("never matches");
            let found = run(&alone(policy, rule), example.as_ref().ok_or("an example")?).2 == 1;
            need(found != never || has_map(policy, rule), "the example shows the opposite")?;
            let counted = counting(policy, rule);
            need(!never || all().all(|sample| run(&counted, sample).2 == 0), "it matches")
        }
        Kind::UnreachableChain => {
            let line = finding.diagnostic.message.split('`').nth(1).ok_or("a name")?;
            let chain = policy.chains.iter().find(|chain| chain.name == line).ok_or("a chain")?;
            for rule in chain.rules.clone().map(RuleId) {
                let counted = changed(policy, rule, |statements| {
                    statements.insert(0, Statement::Counter(CounterId(policy.counters.len() as u32)));
                });
                let mut counted = counted;
                counted.counters.push(Counter::default());
                need(all().all(|sample| run(&counted, sample).2 == 0), "a packet comes there")?;
            }
            Ok(())
        }
        Kind::Contradiction => {
            let (_, by, _) = shown.ok_or("an example")?;
            let rule = finding.rule.ok_or("a rule")?;
            let example = example.as_ref().ok_or("an example")?;
            need(run(&alone(policy, rule), example).2 == 1, "the example does not fit the rule")?;
            let named = finding.by.iter().any(|rule| by == DecidedBy::Rule(*rule));
            need(named || has_early(policy), "another rule decides")
        }
        Kind::InvalidAccepted => {
            let (verdict, by, _) = shown.ok_or("an example")?;
            let invalid = example.is_some_and(|example| example.ct_state == ct_state::INVALID);
            let rule = finding.rule.ok_or("a rule")?;
            let decides = by == DecidedBy::Rule(rule) || has_early(policy);
            need(invalid && verdict == Verdict::Accept && decides, "it is not accepted")
        }
        Kind::LateEstablished => {
            let (verdict, by, _) = shown.ok_or("an example")?;
            let stopped = verdict != Verdict::Accept;
            let known = example.is_some_and(|example| example.ct_state == ct_state::ESTABLISHED);
            let other = finding.by.iter().any(|rule| by == DecidedBy::Rule(*rule));
            need(known && (!stopped || other), "the example shows something else")
        }
        Kind::PolicyAccept => {
            let (verdict, by, _) = shown.ok_or("an example")?;
            need(verdict == Verdict::Accept, "it is not accepted")?;
            need(has_early(policy) || matches!(by, DecidedBy::ChainPolicy(_)), "a rule decides")
        }
        Kind::NoNeighbours => {
            let (verdict, ..) = shown.ok_or("an example")?;
            need(verdict != Verdict::Accept, "the example is accepted")?;
            let kind = example.as_ref().map(|example| example.frame[54]).ok_or("an example")?;
            for sample in samples {
                let mut sample = sample.clone();
                if sample.frame[12] != 0x86
                    || sample.frame[20] != 58
                    || sample.ct_state != ct_state::UNTRACKED
                {
                    continue;
                }
                sample.frame[54] = kind;
                (sample.iif, sample.oif) = (interface_value("eth0"), interface_value("eth0"));
                let (verdict, by, _) = run(policy, &sample);
                need(verdict != Verdict::Accept || by == DecidedBy::Nothing, "it is accepted")?;
            }
            Ok(())
        }
        Kind::LockOut => {
            need(shown.ok_or("an example")?.0 != Verdict::Accept, "the example is accepted")?;
            let output = policy.chains.iter().any(|chain| chain.base.is_some_and(|b| b.hook == Hook::Output));
            for sample in samples {
                let mut sample = sample.clone();
                let at = if sample.frame[12] == 0x86 { (20, 54) } else { (23, 34) };
                sample.frame[at.0] = if keep.tcp { 6 } else { 17 };
                let port = at.1 + if output { 0 } else { 2 };
                sample.frame[port..port + 2].copy_from_slice(&keep.port.to_be_bytes());
                sample.ct_state = if output { ct_state::ESTABLISHED } else { ct_state::NEW };
                (sample.iif, sample.oif) = (interface_value("eth0"), interface_value("eth0"));
                let (verdict, by, _) = run(policy, &sample);
                need(verdict != Verdict::Accept || by == DecidedBy::Nothing, "it is accepted")?;
            }
            Ok(())
        }
        Kind::Overlap => match (finding.rule, example.as_ref()) {
            (Some(rule), Some(example)) if !has_map(policy, rule) => {
                need(run(&alone(policy, rule), example).2 == 1, "the example is not in the set")
            }
            _ => Ok(()),
        },
        Kind::Unused => {
            let name = finding.diagnostic.message.split('`').nth(1).ok_or("a name")?;
            let looks_up = |statement: &Statement| match statement {
                Statement::Match(Match { test: Test::Lookup { set, .. }, .. }) => {
                    policy.sets[set.index()].name.as_deref() == Some(name)
                }
                _ => false,
            };
            let mut statements = policy.rules.iter().flat_map(|rule| &rule.statements);
            need(!statements.any(looks_up), "a rule uses it")
        }
    }
}

#[test]
fn what_the_lint_says_is_what_the_rules_do() {
    let seen: RefCell<BTreeMap<Kind, usize>> = RefCell::default();
    let numbers = prop::collection::vec(any::<u32>(), 0..1800);
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3000);
    let mut runner =
        TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    runner
        .run(&numbers, |numbers| {
            let mut choices = Choices(numbers.iter());
            let Some(text) = ruleset(&mut choices) else { return Ok(()) };
            let sources = [Source::new("random", text.as_str())];
            let Ok(loaded) = load(&sources, &mut NoFiles) else { return Ok(()) };
            let ruleset = parse(&sources, &mut NoFiles).expect("it was loaded");
            let keep = Keep { tcp: choices.below(2) == 0, port: choices.of(&[22, 53]), from: None };
            let samples: Vec<Sample> = (0..PACKETS).map(|_| Sample::random(&mut choices)).collect();
            for finding in lint(&ruleset, &loaded.policy, &[keep]).findings {
                *seen.borrow_mut().entry(finding.kind).or_default() += 1;
                if let Err(why) = check(&loaded.policy, &finding, &samples, keep) {
                    let shown =
                        config::Diagnostics::warnings(loaded.sources.clone(), vec![finding.diagnostic]);
                    return Err(TestCaseError::fail(format!("{why}:\n{shown}\n{text}")));
                }
            }
            Ok(())
        })
        .unwrap();
    let seen = seen.into_inner();
    for kind in [
        Kind::Shadowed,
        Kind::Redundant,
        Kind::NeverMatches,
        Kind::CtState,
        Kind::UnreachableChain,
        Kind::Unused,
        Kind::Overlap,
        Kind::Contradiction,
        Kind::InvalidAccepted,
        Kind::NoNeighbours,
        Kind::LateEstablished,
        Kind::PolicyAccept,
        Kind::LockOut,
    ] {
        assert!(seen.contains_key(&kind), "no finding of kind {kind}: {seen:?}");
    }
}

/// A base chain is needed for the examples to be given to.
#[test]
fn the_example_of_a_lock_out_names_its_chain() {
    let text = "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n";
    let sources = [Source::new("f", text)];
    let loaded = load(&sources, &mut NoFiles).unwrap();
    let ruleset = parse(&sources, &mut NoFiles).unwrap();
    let found = lint(&ruleset, &loaded.policy, &[Keep { tcp: true, port: 22, from: None }]).findings;
    let (example, base) = found[0].packet.clone().unwrap();
    assert_eq!((found[0].kind, base), (Kind::LockOut, ChainId(0)));
    assert_eq!(example.to_string(), "tcp 198.51.100.7:4242 > 192.0.2.10:22 flags S iif eth0 ct new");
    let expected = Base { hook: Hook::Input, priority: 0, policy: ChainPolicy::Drop, is_iptables: false };
    assert_eq!(loaded.policy.chains[base.index()].base, Some(expected));
}
