//! The compiled program answers as the plain interpreter does: verdict, deciding rule, notrack and every counter.

use super::choices::Choices;
use super::random;
use super::sample::Sample;
use crate::classify::{
    Ahead, Counters, DecidedBy, Evaluation, Facts, Path, Program, Stage, Verdict, reference,
};
use crate::object::{Now, Objects};
use config::policy::{CounterId, Policy, Reject, ct_state};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeSet;

pub(super) const PACKETS: usize = 24;
/// Nanoseconds between packets.
pub(super) const PAUSES: [u64; 5] = [0, 1000, 1_000_000, 400_000_000, 5_000_000_000];
pub(super) const PATHS: [Path; 3] = [Path::GUARD_INWARD, Path::GUARD_OUTWARD, Path::TRANSIT];

/// Runs the packet along the path, as the pipeline does.
pub(super) fn evaluate(
    sample: &Sample,
    path: &Path,
    mut run: impl FnMut(&[Stage], &Facts<'_, [u8]>, &mut Evaluation),
) -> Evaluation {
    let mut evaluation = Evaluation::new();
    let facts = Facts { ct_state: ct_state::INVALID, ct_direction: None, ..sample.facts() };
    run(path.before, &facts, &mut evaluation);
    evaluation.take_template();
    if evaluation.notrack() {
        let facts = Facts { ct_state: ct_state::UNTRACKED, ct_direction: None, ..sample.facts() };
        run(path.after, &facts, &mut evaluation);
    } else {
        run(path.after, &sample.facts(), &mut evaluation);
    }
    evaluation
}

pub(super) fn counts(policy: &Policy, counters: &Counters) -> Vec<(u64, u64)> {
    (0..policy.counters.len() as u32).map(|id| counters.read(CounterId(id))).collect()
}

/// What happened, in words.
fn outcomes(policy: &Policy, evaluation: &Evaluation) -> impl Iterator<Item = &'static str> {
    let decision = evaluation.decision();
    let in_regular = match decision.decided_by {
        DecidedBy::Rule(rule) => policy.chains[policy.rules[rule.index()].chain.index()].base.is_none(),
        _ => false,
    };
    let indexed = match decision.decided_by {
        DecidedBy::Rule(rule) => policy.chains[policy.rules[rule.index()].chain.index()].rules.len() > 100,
        _ => false,
    };
    let outcome = match (decision.verdict, decision.decided_by) {
        (Verdict::Accept, DecidedBy::Nothing) => "accept by nothing",
        (Verdict::Accept, DecidedBy::Rule(_)) => "accept by a rule",
        (Verdict::Accept, DecidedBy::ChainPolicy(_)) => "accept by a policy",
        (Verdict::Drop, DecidedBy::Rule(_)) => "drop by a rule",
        (Verdict::Drop, DecidedBy::ChainPolicy(_)) => "drop by a policy",
        (Verdict::Reject(Reject::TcpReset), _) => "tcp reset",
        (Verdict::Reject(Reject::Icmp(_)), _) => "icmp",
        (Verdict::Reject(Reject::Icmpv6(_)), _) => "icmpv6",
        (Verdict::Reject(Reject::Icmpx(_)), _) => "icmpx",
        (Verdict::Drop, DecidedBy::Nothing) => "impossible",
    };
    let more = [
        evaluation.notrack().then_some("notrack"),
        in_regular.then_some("in a regular chain"),
        indexed.then_some("in a long chain"),
    ];
    std::iter::once(outcome).chain(more.into_iter().flatten())
}

#[test]
fn the_program_answers_as_the_plain_interpreter() {
    let seen = RefCell::new(BTreeSet::new());
    let numbers = prop::collection::vec(any::<u32>(), 0..6000);
    let mut runner = TestRunner::new(ProptestConfig { cases: 1500, ..ProptestConfig::default() });
    runner
        .run(&numbers, |numbers| {
            let mut choices = Choices::new(&numbers);
            let samples: Vec<Sample> = (0..PACKETS).map(|_| Sample::random(&mut choices)).collect();
            let policy = random::policy(&mut choices);
            let seed = [1, 2, 3, 4];
            let program = Program::compile_at(&policy, 0, seed).expect("made to run");
            let objects = Objects::new(&policy, 0, seed).expect("made to run");
            let (compiled, plain) = (program.counters(), program.counters());
            let mut now = Now::default();
            let samples: Vec<Sample> = samples
                .into_iter()
                .map(|sample| {
                    now.monotonic_ns += choices.of(&PAUSES);
                    Sample { now, ..sample }
                })
                .collect();
            let mut ahead = [Ahead::new(), Ahead::new(), Ahead::new()];
            for (path, ahead) in PATHS.iter().zip(&mut ahead) {
                let state = choices.of(&[ct_state::NEW, ct_state::INVALID]);
                let looks = program.look_ahead(path.after, state, ahead);
                seen.borrow_mut().extend(looks.then_some("looked ahead"));
                for (number, sample) in samples.iter().enumerate() {
                    program.add_ahead(number, &mut Facts { ct_state: state, ..sample.facts() }, ahead);
                }
                program.find_ahead(ahead);
            }
            for (number, sample) in samples.iter().enumerate() {
                for (path, ahead) in PATHS.iter().zip(&ahead) {
                    let expected = evaluate(sample, path, |stages, facts, evaluation| {
                        reference::run(&policy, &objects, stages, facts, &plain, evaluation);
                    });
                    let found = evaluate(sample, path, |stages, facts, evaluation| {
                        let mut facts = *facts;
                        facts.known.draw = facts.known.draw.with(program.objects().numbers());
                        if number % 3 == 0 {
                            program.run(stages, &mut facts, &compiled, evaluation);
                        } else {
                            program.run_ahead(
                                stages,
                                &mut facts,
                                &compiled,
                                evaluation,
                                ahead.of(number),
                                &mut (),
                            );
                        }
                    });
                    prop_assert_eq!(found, expected, "{:#?}", sample);
                    prop_assert_eq!(counts(&policy, &compiled), counts(&policy, &plain), "{:#?}", sample);
                    seen.borrow_mut().extend(outcomes(&policy, &found));
                }
            }
            let counted = counts(&policy, &compiled).iter().any(|&(packets, _)| packets > 0);
            seen.borrow_mut().extend(counted.then_some("counted"));
            Ok(())
        })
        .unwrap();
    let all = [
        "accept by a policy",
        "accept by a rule",
        "accept by nothing",
        "counted",
        "drop by a policy",
        "drop by a rule",
        "icmp",
        "icmpv6",
        "icmpx",
        "in a long chain",
        "in a regular chain",
        "looked ahead",
        "notrack",
        "tcp reset",
    ];
    assert_eq!(seen.into_inner(), BTreeSet::from(all), "every kind of outcome");
}
