//! Does a datagram in fragments get the verdict that the kernel gives it? Fragments in every order and of every kind,
//! under rulesets that track and under one that does not.

use std::time::{SystemTime, UNIX_EPOCH};

use tests::capture::{bundled, records};
use tests::firewall::{self, Firewall};
use tests::oracle::{Oracle, Ruleset};
use tests::{Record, difference, traffic};

/// Both judge; any difference fails the test. Says how many packets were accepted.
fn compare(oracle: &mut Oracle, what: &str, text: &str, records: &[Record]) -> usize {
    let rulesets = [Ruleset::Nft(text.to_owned())];
    let kernel = oracle.judge(&rulesets, records, false);
    let over = |workers: usize| {
        let policy = firewall::policy(&rulesets).expect("a ruleset");
        Firewall::new(policy, false, workers, 0).expect("compiled").judge(records)
    };
    let sluice = over(1);
    let differing: Vec<String> = (0..records.len())
        .filter_map(|at| Some((at, difference::between(&records[at], &kernel[at], &sluice[at])?)))
        .map(|(at, text)| {
            let Record { side, frame, .. } = &records[at];
            let (kernel, sluice) = (&kernel[at], &sluice[at].verdict);
            format!(
                "packet {} {side:?}: {text}\n  {}\n  kernel: {kernel}\n  sluice: {sluice:?}",
                at + 1,
                difference::hex(frame)
            )
        })
        .collect();
    assert!(differing.is_empty(), "{what}: {} differ:\n{}", differing.len(), differing.join("\n"));
    for workers in [2, 4] {
        let verdicts = over(workers).into_iter().zip(&sluice);
        assert!(verdicts.enumerate().all(|(at, (one, other))| {
            assert_eq!(one.verdict, other.verdict, "{what}: packet {}, {workers} workers", at + 1);
            true
        }));
    }
    kernel.iter().filter(|judgement| judgement.accepted).count()
}

fn seeds() -> [u64; 2] {
    let given = std::env::var("SLUICE_SEED").ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    [1, given.unwrap_or(now % 1_000_000_000)]
}

#[test]
fn datagrams_in_fragments_under_rules_that_track() {
    let mut oracle = Oracle::new("eth0");
    for seed in seeds() {
        let records = traffic::fragmented(seed, 2000);
        for (name, text) in [("states", STATES), ("early", EARLY)] {
            let accepted = compare(&mut oracle, &format!("SLUICE_SEED={seed}, {name}"), text, &records);
            assert!((200..1800).contains(&accepted), "{name}: {accepted} accepted");
        }
    }
}

/// Where nothing is tracked each fragment is a packet, but for what comes in of IPv4: the guarded host puts it together.
#[test]
fn fragments_under_rules_that_do_not_track() {
    let mut oracle = Oracle::new("eth0");
    for seed in seeds() {
        let records = traffic::fragmented(seed, 2000);
        compare(&mut oracle, &format!("SLUICE_SEED={seed}"), STATELESS, &records);
    }
}

#[test]
fn the_fragments_of_the_mixed_capture() {
    let mut oracle = Oracle::new("eth0");
    let records = records(&bundled("captures/mixed.pcap"));
    let accepted = compare(&mut oracle, "mixed", STATES, &records);
    assert!((4..36).contains(&accepted), "{accepted} accepted");
}

/// Asks for what a whole datagram has otherwise than its fragments.
const STATES: &str = "table inet f {
 chain input {
  type filter hook input priority 0; policy drop;
  ct state invalid counter drop
  ct state established accept
  meta length > 2500 drop
  exthdr frag exists drop
  ip frag-off & 0x3fff != 0 drop
  ip frag-off & 0x4000 != 0 meta length 100-200 drop
  ip dscp 0 ip ecn ce drop
  ip6 ecn ce drop
  udp dport { 53, 8080 } ct state new accept
  udp length > 200 accept
  udp dport 443 reject
  tcp dport 22 reject with tcp reset
  tcp dport 80 accept
  icmp type echo-request accept
  icmpv6 type echo-request accept
  @th,64,8 > 127 accept
 }
 chain output {
  type filter hook output priority 0; policy drop;
  ct state established,related accept
  meta length < 200 accept
 }
}
";

/// Chains that see single fragments before those that see wholes.
const EARLY: &str = "table inet f {
 chain early {
  type filter hook prerouting priority -450; policy accept;
  ip frag-off & 0x1fff == 2 ip ttl != 64 drop
  ip frag-off & 0x1fff == 3 meta length < 60 drop
  frag frag-off 2 ip6 length < 40 drop
  ip frag-off & 0x2000 != 0 meta mark set 7
  udp dport 22 drop
 }
 chain raw {
  type filter hook prerouting priority -300; policy accept;
  udp dport 443 notrack
 }
 chain input {
  type filter hook input priority 0; policy accept;
  ct state invalid drop
  ct state untracked meta length > 100 drop
  meta mark 7 udp dport 80 drop
  ct state established accept
  udp dport 8080 reject
  meta l4proto 253 drop
 }
 chain output {
  type filter hook output priority 0; policy accept;
  ct state new meta length > 150 drop
 }
}
";

const STATELESS: &str = "table inet f {
 chain input {
  type filter hook input priority 0; policy drop;
  exthdr frag exists meta length > 120 drop
  frag more-fragments 1 udp dport 443 drop
  frag frag-off > 3 accept
  udp dport { 53, 80 } accept
  udp dport 22 reject
  tcp dport 22 reject with tcp reset
  meta l4proto 253 reject
  icmpv6 type echo-request accept
  tcp flags syn accept
 }
 chain output {
  type filter hook output priority 0; policy drop;
  ip frag-off & 0x1fff > 2 accept
  ip6 nexthdr 44 meta length > 120 accept
  udp sport { 53, 80, 443 } accept
  icmp type echo-reply accept
  udp sport 22 reject
  tcp sport 22 reject with tcp reset
  meta l4proto 253 reject
 }
}
";
