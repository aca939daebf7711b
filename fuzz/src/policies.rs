//! What must hold of every policy? It compiles, and the compiled program agrees with the plain interpreter.

use config::Policy;
use config::policy::{ct_state, interface_value};
use dataplane::classify::{Counters, Direction, Evaluation, Facts, Path, Program, reference};
use dataplane::object::Objects;
use dataplane::packet::build::FrameBuilder;
use dataplane::packet::{flag, parse};
use std::sync::OnceLock;

/// Checks it on some packets of a handful, each way, in a state that `choice` picks.
///
/// # Panics
/// If the two disagree.
pub fn check(policy: &Policy, choice: usize) {
    // Sets that packets change take their memory at once, and the time to clear it.
    let size = |set: &config::policy::Set| set.dynamic.as_ref().map_or(0, |dynamic| u64::from(dynamic.size));
    if policy.sets.iter().map(size).sum::<u64>() > MOST_ELEMENTS {
        return;
    }
    // What the data path does not have yet is refused by name.
    let Ok(program) = Program::compile_at(policy, 0, SEED) else { return };
    let objects = Objects::new(policy, 0, SEED).expect("a policy that compiles");
    let (bank, other) = (program.counters(), program.counters());
    let (inside, outside) = (interface_value("eth0"), interface_value("lo"));
    for frame in frames().iter().skip(choice % 3).step_by(3) {
        let packet = parse(&frame[..]);
        let states = [
            (ct_state::NEW, Some(Direction::Original)),
            (ct_state::ESTABLISHED, Some(Direction::Reply)),
            (ct_state::INVALID, None),
            (ct_state::UNTRACKED, None),
        ];
        {
            let (state, direction) = states[choice / 3 % states.len()];
            for (path, iif, oif) in [
                (&Path::GUARD_INWARD, inside, None),
                (&Path::GUARD_OUTWARD, None, inside),
                (&Path::TRANSIT, outside, inside),
            ] {
                let frame = &frame[..];
                let facts = Facts {
                    ct_state: state,
                    ct_direction: direction,
                    iif,
                    oif,
                    ct_mark: direction.map(|_| 0),
                    ..Facts::of(&packet, frame)
                };
                let compiled = judged(path, |stages, evaluation| {
                    let mut facts = facts;
                    facts.known.draw = facts.known.draw.with(program.objects().numbers());
                    program.run(stages, &mut facts, &bank, evaluation);
                });
                let plain = judged(path, |stages, evaluation| {
                    reference::run(policy, &objects, stages, &facts, &other, evaluation);
                });
                assert_eq!(compiled, plain, "program and interpreter disagree on {packet:?}, state {state}");
            }
        }
    }
    same_counts(policy, &bank, &other);
}

/// Elements of all sets that packets change: more are not tried.
const MOST_ELEMENTS: u64 = 4096;

/// Both have the same sets, down to the places of elements.
const SEED: [u64; 4] = [1, 2, 3, 4];

fn judged(path: &Path, mut run: impl FnMut(&[dataplane::classify::Stage], &mut Evaluation)) -> String {
    let mut evaluation = Evaluation::new();
    run(path.before, &mut evaluation);
    let before = (evaluation.is_refused(), evaluation.notrack());
    if !evaluation.is_refused() {
        run(path.after, &mut evaluation);
    }
    format!("{before:?} {:?}", evaluation.decision())
}

fn same_counts(policy: &Policy, compiled: &Counters, plain: &Counters) {
    for id in (0..).take(policy.counters.len()).map(config::policy::CounterId) {
        assert_eq!(compiled.read(id), plain.read(id), "counter {id:?}");
    }
}

/// One of each kind.
fn frames() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let v4 = || FrameBuilder::new().ip([198, 51, 100, 1], [192, 0, 2, 10]);
        let v6 = || {
            let outside = [0x2001, 0xdb8, 1, 0, 0, 0, 0, 1];
            FrameBuilder::new().ip(outside, [0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x10])
        };
        vec![
            v4().tcp(40000, 22, flag::SYN).build(),
            v4().tcp(40000, 80, flag::ACK).payload(&[1; 5]).build(),
            v4().udp(40000, 53).payload(b"question").build(),
            v4().icmp_query(8, 1, 1).build(),
            v4().raw(47).build(),
            v6().tcp(40000, 443, flag::SYN | flag::ACK).build(),
            v6().udp(53, 40000).build(),
            v6().icmp_query(135, 1, 1).build(),
            v4().vlan(0x8100, 7).tcp(1, 65535, flag::RST).build(),
            FrameBuilder::new().ethertype(0x0806).payload(&[0; 28]).build(),
        ]
    })
}
