//! Does the oracle say what is known? The verdicts of the bundled captures, found before by another program.

use std::fs;

use tests::capture::{bundled, records};
use tests::oracle::{Oracle, Ruleset};

#[test]
fn the_oracle_agrees_with_the_recorded_verdicts() {
    let records = records(&bundled("captures/demo.pcap"));
    let table = fs::read_to_string(bundled("captures/demo.verdicts.tsv")).expect("readable");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    assert_eq!(rows.len(), records.len());
    let mut oracle = Oracle::new("eth0");
    for (column, style) in [(2, "stateless"), (3, "stateful")] {
        let text =
            |name: &str| fs::read_to_string(bundled(&format!("rulesets/{style}.{name}"))).expect("readable");
        let languages = [
            vec![Ruleset::Nft(text("nft"))],
            vec![Ruleset::Iptables(text("iptables")), Ruleset::Ip6tables(text("ip6tables"))],
        ];
        for rulesets in languages {
            let judged = oracle.judge(&rulesets, &records, false);
            for (number, (row, judgement)) in rows.iter().zip(&judged).enumerate() {
                let said = if judgement.accepted { "accept" } else { "drop" };
                assert_eq!(said, row[column], "{style}, packet {}: {judgement}", number + 1);
                assert_eq!(
                    judgement.state == "none",
                    style == "stateless" || records[number].frame[12..14] == [8, 6],
                    "packet {}: {judgement}",
                    number + 1
                );
                assert!(
                    judgement.accepted || judgement.dropped_by().is_some(),
                    "packet {}: {judgement}",
                    number + 1
                );
            }
        }
    }
}
