//! The traps of nft, one by one. What the kernel does was measured on Linux 6.18 with nft 1.0.6.

use super::sample::Sample;
use crate::classify::{Counters, DecidedBy, Decision, Evaluation, Path, Program, Verdict, reference};
use crate::object::Objects;
use crate::packet::protocol::{TCP, UDP};
use config::policy::{ChainId, CounterId, Icmpx, Reject, ct_state, interface_value};
use config::{NoFiles, Policy, Source};

/// What became of a packet, by the program and by the reference alike.
struct Outcome {
    decision: Decision,
    notrack: bool,
    /// Chain and position of the deciding rule, or the chain and `policy`.
    by: String,
    counted: Vec<u64>,
}

/// Runs a guard's ruleset over a packet from outside.
fn inward(rules: &str, sample: &Sample) -> Outcome {
    outcome(rules, sample, &Path::GUARD_INWARD)
}

fn outcome(rules: &str, sample: &Sample, path: &Path) -> Outcome {
    let source = Source::new("rules.nft", rules);
    let policy = config::load(&[source], &mut NoFiles).unwrap_or_else(|errors| panic!("{errors}")).policy;
    let seed = [1, 2, 3, 4];
    let program = Program::compile_at(&policy, 0, seed).unwrap();
    let objects = Objects::new(&policy, 0, seed).unwrap();
    let (compiled, plain) = (program.counters(), program.counters());
    let (mut found, mut expected) = (Evaluation::new(), Evaluation::new());
    for stages in [path.before, path.after] {
        program.run(stages, &mut sample.facts(), &compiled, &mut found);
        reference::run(&policy, &objects, stages, &sample.facts(), &plain, &mut expected);
    }
    assert_eq!(found, expected);
    let counted = counts(&policy, &compiled);
    assert_eq!(counted, counts(&policy, &plain));
    Outcome {
        decision: found.decision(),
        notrack: found.notrack(),
        by: decided_by(&policy, found.decision().decided_by),
        counted,
    }
}

fn counts(policy: &Policy, counters: &Counters) -> Vec<u64> {
    (0..policy.counters.len() as u32).map(|id| counters.read(CounterId(id)).0).collect()
}

fn decided_by(policy: &Policy, decided_by: DecidedBy) -> String {
    let name = |chain: ChainId| &policy.chains[chain.index()].name;
    match decided_by {
        DecidedBy::Nothing => "nothing".into(),
        DecidedBy::Rule(id) => {
            let rule = &policy.rules[id.index()];
            format!("{} {}", name(rule.chain), rule.position)
        }
        DecidedBy::ChainPolicy(chain) => format!("{} policy", name(chain)),
    }
}

fn web() -> Sample {
    Sample::v4(TCP, [1, 2], [1025, 80], 0)
}

#[test]
fn accept_ends_its_base_chain_only() {
    let rules = "table ip t {
        chain early { type filter hook input priority -10; tcp dport 80 accept; drop; }
        chain late { type filter hook input priority 10; policy drop; tcp dport 22 accept; }
    }";
    let outcome = inward(rules, &web());
    assert_eq!((outcome.decision.verdict, outcome.by.as_str()), (Verdict::Drop, "late policy"));
    let outcome = inward(rules, &Sample::v4(TCP, [1, 2], [1025, 22], 0));
    assert_eq!((outcome.decision.verdict, outcome.by.as_str()), (Verdict::Drop, "early 2"));
}

#[test]
fn an_accept_is_ascribed_to_the_rule_that_let_the_packet_in() {
    let rules = "table ip t {
        chain filter_in { type filter hook input priority 0; policy drop; tcp dport 80 accept; }
        chain mangle_in { type filter hook input priority 10; policy accept; }
    }";
    assert_eq!(inward(rules, &web()).by, "filter_in 1");
    let rules = "table ip t {
        chain filter_in { type filter hook input priority 0; policy accept; tcp dport 22 drop; }
        chain mangle_in { type filter hook input priority 10; policy accept; }
    }";
    assert_eq!(inward(rules, &web()).by, "filter_in policy", "an empty chain decides nothing");
    assert_eq!(
        inward("table ip t { chain c { type filter hook input priority 0; } }", &web()).by,
        "c policy"
    );
    assert_eq!(
        inward("table ip t { chain c { type filter hook output priority 0; } }", &web()).by,
        "nothing"
    );
}

#[test]
fn of_several_accepts_the_last_is_named() {
    let rules = "table ip t {
        chain raw_pre { type filter hook prerouting priority -300; tcp dport 80 accept; }
        chain filter_in { type filter hook input priority 0; policy drop; tcp dport 80 accept; }
    }";
    assert_eq!(inward(rules, &web()).by, "filter_in 1");
    let rules = "table ip t {
        chain pre { type filter hook prerouting priority 0; policy accept; tcp dport 22 drop; }
        chain filter_in { type filter hook input priority 0; policy accept; tcp dport 22 drop; }
    }";
    assert_eq!(inward(rules, &web()).by, "filter_in policy");
}

#[test]
fn return_from_a_base_chain_is_its_policy() {
    let rules = "table ip t { chain c { type filter hook input priority 0; policy drop; return; accept; } }";
    let outcome = inward(rules, &web());
    assert_eq!((outcome.decision.verdict, outcome.by.as_str()), (Verdict::Drop, "c policy"));
}

#[test]
fn jump_comes_back_and_goto_does_not() {
    let rules = |how| {
        format!(
            "table ip t {{
                chain services {{ tcp dport 22 accept; }}
                chain c {{ type filter hook input priority 0; policy drop; {how} services; accept; }}
            }}"
        )
    };
    assert_eq!(inward(&rules("jump"), &web()).by, "c 2");
    assert_eq!(inward(&rules("goto"), &web()).by, "c policy");
    let nested = "table ip t {
        chain last { tcp dport 22 accept; }
        chain middle { goto last; drop; }
        chain c { type filter hook input priority 0; policy drop; jump middle; accept; }
    }";
    assert_eq!(inward(nested, &web()).by, "c 2", "behind the jump, not behind the goto");
}

#[test]
fn what_cannot_be_read_matches_nothing_even_negated() {
    let rules = "table inet t { chain c { type filter hook input priority 0; policy accept;
        tcp dport != 22 drop; @th,256,8 != 0 drop; } }";
    let drop = |sample: &Sample| inward(rules, sample).decision.verdict == Verdict::Drop;
    assert!(drop(&web()));
    assert!(!drop(&Sample::v4(UDP, [1, 2], [1025, 80], 0)), "no TCP header");
    let long =
        "table inet t { chain c { type filter hook input priority 0; policy accept; @th,0,48 != 0 drop; } }";
    assert_eq!(inward(long, &web()).decision.verdict, Verdict::Drop);
    let tail = inward(long, &web().into_tail()).decision.verdict;
    assert_eq!(tail, Verdict::Accept, "no transport header in a fragment's tail");
    let direction = "table ip t { chain c { type filter hook input priority 0; policy accept;
        ct direction != reply drop; } }";
    assert_eq!(inward(direction, &web()).decision.verdict, Verdict::Drop);
    let unknown = Sample { ct_state: ct_state::INVALID, ct_direction: None, ..web() };
    assert_eq!(inward(direction, &unknown).decision.verdict, Verdict::Accept);
}

#[test]
fn an_interface_that_the_hook_does_not_have_has_an_empty_name() {
    let rules = "table inet t { chain c { type filter hook input priority 0; policy accept;
        oifname \"eth1\" drop; oifname != \"lo\" counter drop; } }";
    let outcome = inward(rules, &web());
    assert_eq!((outcome.by.as_str(), outcome.counted), ("c 2", vec![1]));
}

#[test]
fn an_interface_name_is_compared_whole_and_a_star_makes_it_a_prefix() {
    let rules = "table inet t { chain c { type filter hook input priority 0; policy accept;
        iifname \"eth\" drop; iifname \"eth*\" accept; drop; } }";
    assert_eq!(inward(rules, &web()).by, "c 2");
    let other = Sample { iif: interface_value("wlan0"), ..web() };
    assert_eq!(inward(rules, &other).by, "c 3");
}

#[test]
fn a_map_that_holds_nothing_ends_the_rule_and_continue_does_not() {
    let rules = "table ip t { chain c { type filter hook input priority 0; policy accept;
        tcp dport vmap { 22 : accept } counter;
        tcp dport vmap { 80 : continue } counter;
        counter; } }";
    assert_eq!(inward(rules, &web()).counted, [0, 1, 1]);
}

#[test]
fn a_counter_before_a_failing_match_has_counted() {
    let rules = "table ip t { chain c { type filter hook input priority 0; policy accept;
        counter tcp dport 22 counter drop; } }";
    assert_eq!(inward(rules, &web()).counted, [1, 0]);
}

#[test]
fn state_is_a_bit_test_in_a_list_and_a_value_in_a_set() {
    for state in ["ct state established,new accept", "ct state { established, new } accept"] {
        let rules = format!(
            "table ip t {{ chain c {{ type filter hook input priority 0; policy drop; {state}; }} }}"
        );
        assert_eq!(inward(&rules, &web()).by, "c 1");
        let invalid = Sample { ct_state: ct_state::INVALID, ct_direction: None, ..web() };
        assert_eq!(inward(&rules, &invalid).by, "c policy");
    }
}

#[test]
fn chains_see_the_packets_of_their_family() {
    let chain = |family| {
        format!("table {family} t {{ chain c {{ type filter hook input priority 0; policy drop; }} }}")
    };
    let (v4, v6) = (web(), Sample::v6(TCP, [1, 2], [1025, 80], 0));
    let arp = Sample::other(0x0806);
    for (family, expected) in
        [("ip", [true, false, false]), ("ip6", [false, true, false]), ("inet", [true, true, false])]
    {
        let dropped =
            [&v4, &v6, &arp].map(|sample| inward(&chain(family), sample).decision.verdict == Verdict::Drop);
        assert_eq!(dropped, expected, "{family}");
    }
}

#[test]
fn a_reject_of_another_family_or_protocol_does_not_match() {
    let rules = "table inet t { chain c { type filter hook input priority 0; policy accept;
        reject with icmpv6 type port-unreachable;
        reject with tcp reset;
        reject with icmp type port-unreachable; } }";
    let kind = |sample: &Sample| inward(rules, sample).decision.verdict;
    assert_eq!(kind(&web()), Verdict::Reject(Reject::TcpReset));
    assert_eq!(kind(&Sample::v4(UDP, [1, 2], [1025, 80], 0)), Verdict::Reject(Reject::Icmp(3)));
    assert_eq!(kind(&Sample::v6(UDP, [1, 2], [1025, 80], 0)), Verdict::Reject(Reject::Icmpv6(4)));
    let plain = "table inet t { chain c { type filter hook input priority 0; reject; } }";
    assert_eq!(
        inward(plain, &web()).decision.verdict,
        Verdict::Reject(Reject::Icmpx(Icmpx::PortUnreachable))
    );
}

#[test]
fn notrack_is_seen_at_once_and_only_where_there_is_no_flow() {
    let rules = "table ip t {
        chain raw { type filter hook prerouting priority -300; ct state invalid counter;
            tcp dport 80 notrack; ct state untracked counter; ct state invalid counter; }
        chain late { type filter hook input priority 0; notrack; ct state new counter; }
    }";
    let before = Sample { ct_state: ct_state::INVALID, ct_direction: None, ..web() };
    let outcome = inward(rules, &before);
    assert!(outcome.notrack);
    assert_eq!(outcome.counted[..3], [1, 1, 0]);
    let late =
        "table ip t { chain late { type filter hook input priority 0; notrack; ct state new counter; } }";
    let outcome = inward(late, &web());
    assert!(!outcome.notrack, "it has a flow");
    assert_eq!(outcome.counted, [1]);
}

#[test]
fn a_jump_in_a_long_chain_resumes_behind_itself() {
    let many: String = (100..200).map(|port| format!("tcp dport {port} drop\n")).collect();
    let rules = format!(
        "table ip t {{
            chain count {{ counter; }}
            chain c {{ type filter hook input priority 0; policy drop;
                {many} tcp dport 80 jump count
                {many} tcp dport 80 goto count
                accept
            }}
        }}"
    );
    let outcome = inward(&rules, &web());
    assert_eq!((outcome.by.as_str(), outcome.counted), ("c policy", vec![2]));
    assert_eq!(inward(&rules, &Sample::v4(TCP, [1, 2], [1025, 150], 0)).by, "c 51");
    assert_eq!(inward(&rules, &Sample::v4(TCP, [1, 2], [1025, 22], 0)).by, "c 203");
}
