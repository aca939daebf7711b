//! What does a dump mean, and what is said about a wrong one? `iptables/*.iptables` is loaded; beside it
//! stands what nft would call the same (`.ok`), or the complaints (`.err`); notes in `.note`. `UPDATE_GOLDEN=1`
//! writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use config::iptables::{Beside, IpSets, Report, Version, is_dump};
use config::policy::{Assigned, HelperKind, Statement};
use config::{Diagnostics, NoFiles, Ruleset, Source, load, lower, parse, plain, print};
use proptest::prelude::*;

fn read(source: u16, name: &str, text: &str, told: Option<Version>, ruleset: &mut Ruleset) -> Report {
    let beside = Beside { sets: &IpSets::default(), leave_out: &[] };
    config::iptables::read((source, name, text), told, &beside, ruleset)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/iptables")
}

fn expect(path: &Path, found: Option<&str>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        match found {
            Some(text) => fs::write(path, text).expect("writable"),
            None => drop(fs::remove_file(path)),
        }
    }
    assert_eq!(found, fs::read_to_string(path).ok().as_deref(), "{}", path.display());
}

#[test]
fn every_dump_means_what_nft_would_call_the_same() {
    let mut seen = 0;
    for entry in fs::read_dir(folder()).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "iptables") {
            continue;
        }
        let name = path.file_stem().and_then(|name| name.to_str()).expect("UTF-8");
        let text = fs::read_to_string(&path).expect("readable");
        let loaded = load(&[Source::new(name, text.as_str())], &mut NoFiles);
        let said = loaded.as_ref().err().map(ToString::to_string);
        expect(&path.with_extension("err"), said.as_deref());
        if let Ok(loaded) = loaded {
            let notes = (!loaded.notes.is_empty()).then(|| loaded.notes.to_string());
            expect(&path.with_extension("note"), notes.as_deref());
            let written = parse(&[Source::new(name, text)], &mut NoFiles).expect("loaded");
            let (said, unsaid) = plain(&written).expect("nft has words for it");
            let unsaid =
                (!unsaid.is_empty()).then(|| Diagnostics::notes(written.sources.clone(), unsaid).to_string());
            expect(&path.with_extension("unsaid"), unsaid.as_deref());
            let printed = print(&said);
            let said = lower(&said).expect("nft has words for it");
            expect(&path.with_extension("ok"), Some(&printed));
            let again = parse(&[Source::new(name, printed.as_str())], &mut NoFiles).expect("is nft");
            assert_eq!(print(&again), printed, "{name}");
            let again = load(&[Source::new(name, printed)], &mut NoFiles).expect("is nft");
            let shape = |policy: &config::Policy| {
                let rules = policy.rules.iter();
                let rules = rules.map(|rule| (rule.chain, rule.position, rule.statements.clone()));
                (rules.collect::<Vec<_>>(), policy.tracks)
            };
            assert_eq!(shape(&again.policy), shape(&said), "{name}");
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} dumps");
}

/// What `CT` and `-m helper` mean has words in nft, but `CT` comes before connection tracking, where those do nothing.
#[test]
fn the_target_ct_gives_zones_and_helpers_before_tracking() {
    let dump = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 21 -j CT --helper ftp\n\
        -A PREROUTING -p udp --dport 69 -j CT --zone 7 --helper tftp\n-A PREROUTING -j CT --zone 5\n\
        -A PREROUTING -j CT\nCOMMIT\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m helper --helper ftp-2121 -j DROP\n\
        -A INPUT -m helper ! --helper ftp -j DROP\n-A INPUT -m helper --helper \"\" -j DROP\n\
        -A INPUT -m helper --helper none -j DROP\nCOMMIT\n";
    let loaded = load(&[Source::new("dump", dump)], &mut NoFiles).expect("is read");
    let statements = loaded.policy.rules.iter().flat_map(|rule| &rule.statements);
    let assigned: Vec<Assigned> = statements
        .filter_map(|statement| match statement {
            Statement::Assign(assigned) => Some(*assigned),
            _ => None,
        })
        .collect();
    let template = |zone, helper| Assigned::Template { zone, helper };
    let expected = [
        template(0, Some(HelperKind::Ftp)),
        template(7, Some(HelperKind::Tftp)),
        template(5, None),
        template(0, None),
    ];
    assert_eq!(assigned, expected);
    let printed = print(&parse(&[Source::new("dump", dump)], &mut NoFiles).expect("is read"));
    let rules: Vec<&str> = printed.lines().map(str::trim).filter(|line| line.contains("counter")).collect();
    assert_eq!(
        rules,
        [
            "tcp dport 21 counter packets 0 bytes 0 ct helper set \"ftp\"",
            "udp dport 69 counter packets 0 bytes 0 ct zone set 7 ct helper set \"tftp\"",
            "counter packets 0 bytes 0 ct zone set 5",
            "counter packets 0 bytes 0 ct zone set 0",
            "ct helper \"ftp\" counter packets 0 bytes 0 drop",
            "ct status ! expected counter packets 0 bytes 0 drop",
            "ct state { invalid, untracked } counter packets 0 bytes 0 drop",
            "ct helper != \"ftp\" counter packets 0 bytes 0 drop",
            "ct status expected counter packets 0 bytes 0 drop",
            "iifname \"INVAL/D\" counter packets 0 bytes 0 drop",
        ]
    );
    parse(&[Source::new("printed", printed)], &mut NoFiles).expect("is nft");
}

fn family(name: &str, text: &str, told: Option<Version>) -> (Vec<String>, usize) {
    let mut ruleset = Ruleset::default();
    let report = read(0, name, text, told, &mut ruleset);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    (ruleset.tables.iter().map(|table| table.family.to_string()).collect(), report.notes.len())
}

#[test]
fn the_version_is_what_is_told_unless_the_dump_says_it() {
    let silent = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n";
    let v4 = vec!["ip".to_owned()];
    let v6 = vec!["ip6".to_owned()];
    assert_eq!(family("rules", silent, None), (v4.clone(), 1));
    assert_eq!(family("rules", silent, Some(Version::V6)), (v6.clone(), 0));
    assert_eq!(family("/etc/v4/rules.v6", silent, None), (v6.clone(), 0));
    assert_eq!(family("/etc/sysconfig/ip6tables", silent, None), (v6.clone(), 0));
    assert_eq!(family("/etc/sysconfig/iptables", silent, None), (v4.clone(), 0));
    let header = format!("# Generated by ip6tables-save v1.8.9\n{silent}");
    assert_eq!(family("rules.v4", &header, Some(Version::V4)), (v6.clone(), 0));
    for (said, expected) in [
        ("-s ::1", &v6),
        ("-d 10.0.0.1", &v4),
        ("-p icmpv6", &v6),
        ("-p icmp", &v4),
        ("-j REJECT --reject-with icmp6-no-route", &v6),
        ("-p ipv6-icmp -m icmp6 --icmpv6-type 1", &v6),
    ] {
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {said}\nCOMMIT\n");
        assert_eq!(family("rules", &text, None), (expected.clone(), 0), "{said}");
    }
}

#[test]
fn a_dump_is_told_from_an_nft_file() {
    assert!(is_dump("# Generated\n\n*filter\nCOMMIT\n"));
    assert!(!is_dump("#!/usr/sbin/nft -f\ntable ip filter {}\n"));
    assert!(!is_dump(""));
}

#[test]
fn a_position_is_the_number_iptables_shows() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i lo\n-A INPUT -s 1.1.1.1,2.2.2.2 -j DROP\n\
                -I INPUT -j ACCEPT\nCOMMIT\n";
    let loaded = load(&[Source::new("rules.v4", text)], &mut NoFiles).expect("good");
    let places: Vec<_> = loaded.policy.rules.iter().map(|rule| (rule.position, rule.place.line)).collect();
    assert_eq!(places, [(1, 5), (2, 3), (3, 4), (4, 4)]);
}

#[test]
fn what_takes_several_rules_of_nft_stands_at_one_place() {
    let either = "-m conntrack ! --ctexpire 5:9";
    let text = format!(
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {either} -j DROP\n-A INPUT -j ACCEPT\n-I INPUT 2 {either}\n\
         -I INPUT 3 -s 1.1.1.1\nCOMMIT\n"
    );
    let loaded = load(&[Source::new("rules.v4", &*text)], &mut NoFiles).expect("good");
    let places: Vec<_> = loaded.policy.rules.iter().map(|rule| (rule.position, rule.place.line)).collect();
    assert_eq!(places, [(1, 3), (1, 3), (2, 5), (2, 5), (3, 6), (4, 4)]);
    assert!(load(&[Source::new("rules.v4", text.replace("INPUT 3", "INPUT 5"))], &mut NoFiles).is_err());
}

const WORDS: &str = "-A -I -s -d -i -o -p -f -c -m -j -g ! INPUT FORWARD user tcp udp icmp ipv6-icmp all 0 6 \
    10.0.0.0/8 fe80::/10 eth+ eth0 + lo multiport conntrack state comment length iprange ttl hl dscp mac limit \
    --dport --sport --dports --ports --ctstate --ctdir --state --icmp-type --icmpv6-type --tcp-flags --syn \
    --comment --length --src-range --ttl-lt --dscp --mac-source --reject-with --notrack 22 1:5 : , 1,2 NEW \
    NEW,INVALID REPLY 8 8/0 any SYN,ACK ALL NONE 1.1.1.1-2.2.2.2 00:11:22:33:44:55 ACCEPT DROP RETURN REJECT CT \
    NOTRACK LOG tcp-reset icmp-port-unreachable \"a \\\" b\" \" \\ [1:2] -ptcp --dport=5 -4";

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        read(0, "any", &text, None, &mut Ruleset::default());
        read(0, "any", &format!("*filter\n:INPUT ACCEPT\n-A INPUT {text}\nCOMMIT"), None, &mut Ruleset::default());
    }

    #[test]
    fn no_words_panic_and_what_is_read_can_be_lowered_or_refused(
        picked in proptest::collection::vec(0usize..200, 0..12),
        table in prop_oneof!["filter", "raw"],
        six in any::<bool>(),
    ) {
        let known: Vec<&str> = WORDS.split(' ').filter(|word| !word.is_empty()).collect();
        let words: Vec<&str> = picked.iter().map(|at| known[at % known.len()]).collect();
        let text = format!("*{table}\n:OUTPUT ACCEPT [0:0]\n:user - [0:0]\n-A OUTPUT {}\nCOMMIT\n", words.join(" "));
        let name = if six { "rules.v6" } else { "rules.v4" };
        let source = Source::new(name, text);
        if let Ok(ruleset) = parse(std::slice::from_ref(&source), &mut NoFiles) {
            prop_assert!(load(&[source], &mut NoFiles).is_ok(), "{}", print(&ruleset));
        }
    }
}
