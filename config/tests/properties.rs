//! Whatever is read and printed reads back the same, and no text brings the reader down.

use config::{NoFiles, Source, load, parse, print};
use proptest::prelude::*;

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "tcp dport 22",
        "tcp dport != { 22, 80-90, https }",
        "ip saddr 10.0.0.0/8",
        "ip6 daddr ::1",
        "iifname \"eth*\"",
        "oifname { lo, eth0 }",
        "ct state new,established",
        "ct state != invalid",
        "tcp flags syn / syn,ack",
        "tcp flags & (fin | syn) == syn",
        "tcp flags ! rst",
        "meta l4proto { tcp, udp }",
        "th dport domain",
        "counter",
        "icmp type echo-request",
        "icmpv6 code 0",
        "@th,16,16 22",
        "ip saddr . tcp dport { 10.0.0.0/8 . 22-30 }",
        "tcp sport vmap { 1-5 : drop, 7 : jump other }",
        "ip frag-off & 0x1fff != 0",
        "meta length > 100",
        "notrack",
        "ip dscp ef",
        "ip6 hoplimit < 4",
        "vlan id 7",
        "ether saddr 02:00:00:00:00:01",
        "ip saddr @s",
        "tcp flags syn|ack",
        "meta mark set meta mark & 0xff | 0x100",
        "ct mark set (meta mark ^ 3) << 8 | ct mark & 7",
        "meta mark set tcp dport map { 22 : 1, 80-90 : 0x20 }",
        "limit rate over 10/second burst 3 packets",
        "limit rate 3 kbytes/hour",
        "quota over 7 mbytes used 3 bytes",
        "log prefix \"x \" level info flags tcp options",
        "log group 3 snaplen 40",
        "ct count over 4",
        "update @d { ip saddr timeout 90s limit rate 1/minute counter }",
        "meter m { tcp dport counter }",
        "tcp option maxseg size < 500",
        "exthdr frag exists",
        "numgen random mod 9 offset 2 vmap { 3 : drop, * : accept }",
        "fib daddr type { local, broadcast }",
        "ct expiration 1h30m-2h",
        "meta hour \"22:00\"-\"06:00\"",
        "meta mark >> 8 & 0xf 3",
        "ct status assured,dying",
        "counter name \"n\"",
    ])
    .prop_map(str::to_owned)
}

fn rule() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec![
        "accept",
        "drop",
        "return",
        "jump other",
        "goto other",
        "reject",
        "continue",
    ]);
    let comment = prop::option::of("[a-z \u{e9}]{0,9}");
    (prop::collection::vec(word(), 0..4), end, comment).prop_map(|(words, end, comment)| {
        let comment = comment.map_or(String::new(), |text| format!(" comment \"{text}\""));
        format!("{} {end}{comment}", words.join(" "))
    })
}

fn ruleset() -> impl Strategy<Value = String> {
    let family = prop::sample::select(vec!["ip", "ip6", "inet", ""]);
    (family, prop::collection::vec(rule(), 0..8)).prop_map(|(family, rules)| {
        format!(
            "table {family} t {{\nset s {{ type ipv4_addr; flags interval; elements = {{ 10.0.0.1-10.0.0.9, 1.1.1.1 }}; }}\n\
             set d {{ type ipv4_addr; size 9; flags dynamic,timeout; }}\ncounter n {{ packets 1 bytes 2 }}\n\
             chain other {{\n}}\nchain c {{ type filter hook input priority 0; policy drop;\n{}\n}}\n}}\n",
            rules.join("\n")
        )
    })
}

fn printed(text: &str) -> Result<String, String> {
    let parsed = parse(&[Source::new("generated", text)], &mut NoFiles);
    parsed.map(|ruleset| print(&ruleset)).map_err(|errors| errors.to_string())
}

/// Found by fuzzing.
#[test]
fn lists_of_bits_within_parentheses_read_back_the_same() {
    for bits in ["syn | fin,rst", "syn,(fin,rst)", "(syn,fin),rst", "syn,fin & rst", "(syn ^ fin),rst"] {
        let once = printed(&format!("table ip t {{ chain c {{ tcp flags & ({bits}) == syn; }}; }}")).unwrap();
        assert_eq!(printed(&once), Ok(once.clone()));
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(text in ruleset()) {
        let once = printed(&text).map_err(TestCaseError::fail)?;
        prop_assert_eq!(printed(&once), Ok(once.clone()));
        let outcome = |text: &str| {
            let loaded = load(&[Source::new("generated", text)], &mut NoFiles);
            loaded.map(|loaded| {
                let rules = loaded.policy.rules.into_iter();
                format!("{:?} {:?}", rules.map(|rule| rule.statements).collect::<Vec<_>>(), loaded.policy.sets)
            }).map_err(|errors| errors.len())
        };
        prop_assert_eq!(outcome(&text), outcome(&once));
    }

    #[test]
    fn no_mutation_brings_it_down(text in ruleset(), at in any::<prop::sample::Index>(), what in "\\PC{0,6}", cut in 0_usize..30) {
        let mut characters: Vec<char> = text.chars().collect();
        let start = at.index(characters.len());
        let end = (start + cut).min(characters.len());
        characters.splice(start..end, what.chars());
        let text: String = characters.into_iter().collect();
        if let Err(errors) = load(&[Source::new("mutated", text)], &mut NoFiles) {
            prop_assert!(!errors.is_empty());
            prop_assert!(errors.to_string().starts_with("mutated:"));
        }
    }

    #[test]
    fn no_text_brings_it_down(text in "[ -~\\n\u{4e2d}]{0,200}") {
        let _ = load(&[Source::new("any", text)], &mut NoFiles);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = [
        format!("define a = {}1", "(".repeat(100_000)),
        format!("define a = {}1", "{".repeat(100_000)),
        format!("table t {{\nchain c {{\ntcp dport {}1\n}}\n}}", "1 | ".repeat(100_000)),
        format!("table t {{\nchain c {{\n{}", "{".repeat(100_000)),
        (0..5_000)
            .fold("define a0 = 1\n".to_owned(), |text, n| format!("{text}define a{} = ($a{n} | 1)\n", n + 1)),
        (0..40).fold("define a0 = { 1 }\n".to_owned(), |text, n| {
            format!("{text}define a{} = {{ $a{n}, $a{n} }}\n", n + 1)
        }),
    ];
    for text in deep {
        assert!(load(&[Source::new("deep", text)], &mut NoFiles).is_err());
    }
}

/// Variables may stand for a million values, and one for each byte of text; no text of a few bytes takes all memory.
#[test]
fn what_variables_stand_for_is_bounded_by_the_text() {
    let elements: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let using = |times: usize| {
        let uses = vec!["$a"; times].join(", ");
        let ports = elements.join(", ");
        let text = format!(
            "define a = {{ {ports} }}\ntable t {{\nset s {{ type inet_service; elements = {{ {uses} }}; }}\n}}\n"
        );
        load(&[Source::new("many", text)], &mut NoFiles)
    };
    assert!(using(900).is_ok());
    let refused = using(1100).map(|_| ()).map_err(|errors| errors.to_string());
    assert!(refused.is_err_and(|why| why.contains("variables stand for too many values")));
}

/// Chains without a name get one each without going through all that were given before.
#[test]
fn many_chains_without_a_name_are_told_apart() {
    let rules = "tcp dport 22 jump { drop }\n".repeat(20_000);
    let text = format!("table t {{\nchain c {{\n{rules}}}\n}}\n");
    let loaded = load(&[Source::new("many", text)], &mut NoFiles).expect("it is in order");
    assert_eq!(loaded.policy.chains.len(), 20_001);
}
