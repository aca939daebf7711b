//! Rules that come in one by one answer as the policy that has them all in order: verdict, deciding rule, counters.

use super::agreement::{PACKETS, PATHS, PAUSES, counts, evaluate};
use super::choices::Choices;
use super::random;
use super::sample::Sample;
use crate::classify::{DecidedBy, Evaluation, reference};
use crate::object::numbers::each_field;
use crate::object::{Now, Objects};
use crate::rules::Rules;
use config::policy::{Load, Meta, Policy, Rule, RuleId};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

/// The policy with these of its rules, by number in `all`, and what number each has in `all`.
fn with(all: &Policy, kept: &[bool]) -> (Policy, Vec<u32>) {
    let mut policy = Policy { rules: Vec::new(), ..all.clone() };
    let mut numbers = Vec::new();
    for (chain, of_all) in policy.chains.iter_mut().zip(&all.chains) {
        let start = policy.rules.len() as u32;
        for number in of_all.rules.clone().filter(|&number| kept[number as usize]) {
            policy.rules.push(all.rules[number as usize].clone());
            numbers.push(number);
        }
        chain.rules = start..policy.rules.len() as u32;
    }
    (policy, numbers)
}

/// Random numbers are drawn by the number of the rule, which is another one here.
fn draws(rule: &Rule) -> bool {
    let mut found = false;
    rule.statements.iter().for_each(|statement| {
        each_field(statement, |field| {
            found |= matches!(field.load, Load::Number { .. } | Load::Meta(Meta::Random));
        });
    });
    found
}

/// What came out, a rule by its number in the whole policy.
fn told(evaluation: &Evaluation, numbers: &[u32]) -> impl PartialEq + std::fmt::Debug + use<> {
    let decision = evaluation.decision();
    let decided_by = match decision.decided_by {
        DecidedBy::Rule(RuleId(rule)) => DecidedBy::Rule(RuleId(numbers[rule as usize])),
        other => other,
    };
    let marks = (evaluation.mark(), evaluation.ct_mark());
    let tracking = (evaluation.notrack(), evaluation.template(), evaluation.given());
    (decision.verdict, decided_by, marks, tracking)
}

#[test]
fn rules_that_come_in_one_by_one_answer_as_the_whole_policy() {
    let (joined, refused, again) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let decided_by_joined = Cell::new(0);
    let numbers = prop::collection::vec(any::<u32>(), 0..6000);
    let picked = prop::collection::vec((any::<u16>(), prop::bool::weighted(0.4)), 1..12);
    let mut runner = TestRunner::new(ProptestConfig { cases: 400, ..ProptestConfig::default() });
    runner
        .run(&(numbers, picked), |(numbers, picked)| {
            let mut choices = Choices::new(&numbers);
            let samples: Vec<Sample> = (0..PACKETS).map(|_| Sample::random(&mut choices)).collect();
            let mut all = random::policy(&mut choices);
            all.rules.iter_mut().filter(|rule| draws(rule)).for_each(|rule| rule.statements.clear());
            let mut late: Vec<(u32, bool)> = Vec::new();
            for (pick, again) in picked.into_iter().filter(|_| !all.rules.is_empty()) {
                let number = u32::from(pick) % all.rules.len() as u32;
                if late.iter().all(|(other, _)| *other != number) {
                    late.push((number, again));
                }
            }
            let is_late = |number: u32| late.iter().any(|(other, _)| *other == number);
            let mut kept: Vec<bool> = (0..all.rules.len() as u32).map(|number| !is_late(number)).collect();
            let (first, mut by_number) = with(&all, &kept);
            let objects = Objects::new(&all, 0, [1, 2, 3, 4]).expect("made to run");
            let mut rules = Rules::compile(&first, 1).expect("made to run");
            let compiled = by_number.len();
            let plain = rules.program.counters();
            let mut now = Now::default();
            for (number, again_if_not) in late {
                let rule = &all.rules[number as usize];
                let chain = all.chains[rule.chain.index()].rules.start as usize;
                let at = kept[chain..number as usize].iter().filter(|kept| **kept).count();
                kept[number as usize] = true;
                let (policy, in_order) = with(&all, &kept);
                if let Some(next) = rules.with_rule(&first, rule, at) {
                    joined.set(joined.get() + 1);
                    by_number.push(number);
                    rules = next;
                } else if let Some(next) = rules.compile_again(&policy).filter(|_| again_if_not) {
                    again.set(again.get() + 1);
                    by_number = in_order.clone();
                    rules = next;
                } else {
                    refused.set(refused.get() + 1);
                    kept[number as usize] = false;
                    continue;
                }
                for sample in &samples {
                    now.monotonic_ns += choices.of(&PAUSES);
                    let sample = &Sample { now, ..sample.clone() };
                    for path in &PATHS {
                        let expected = evaluate(sample, path, |stages, facts, evaluation| {
                            reference::run(&policy, &objects, stages, facts, &plain, evaluation);
                        });
                        let found = evaluate(sample, path, |stages, facts, evaluation| {
                            let mut facts = *facts;
                            facts.known.draw = facts.known.draw.with(rules.program.objects().numbers());
                            rules.program.run(stages, &mut facts, rules.bank(0), evaluation);
                        });
                        if let DecidedBy::Rule(RuleId(rule)) = found.decision().decided_by {
                            let joined = u32::from(rule as usize >= compiled);
                            decided_by_joined.set(decided_by_joined.get() + joined);
                        }
                        let found = told(&found, &by_number);
                        prop_assert_eq!(found, told(&expected, &in_order), "{:#?}", sample);
                        prop_assert_eq!(counts(&all, rules.bank(0)), counts(&all, &plain), "{:#?}", sample);
                    }
                }
            }
            Ok(())
        })
        .unwrap();
    let reached = [joined.get(), refused.get(), again.get(), decided_by_joined.get()];
    assert!(reached.iter().all(|&times| times > 50), "joined, refused, compiled again, decided: {reached:?}");
}
