//! Do rulesets of nft and of iptables, loaded together, say to each other what they do in the kernel?

use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use tests::oracle::{Oracle, Ruleset};
use tests::{Record, Side, difference};

/// What the target `CT` says before tracking, rules of iptables read; to those of nft the packet is new, and no more.
#[test]
fn rules_of_nft_do_not_read_what_iptables_says_of_a_connection() {
    let nft = "table ip t {\n chain p {\n  type filter hook prerouting priority -250; policy accept;\n  \
               udp dport 1 ct zone 5 drop\n  udp dport 2 ct helper \"tftp\" drop\n  udp dport 3 ct mark 0 drop\n  \
               udp dport 4 ct status & 0xfff >= 0 drop\n  udp dport 5 ct direction original drop\n  \
               udp dport 6 ct state new drop\n  udp dport 7 ct state new drop\n }\n}\n";
    let dump = "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p udp --dport 1:6 -j CT --zone 5\n\
                -A PREROUTING -p udp --dport 8 -j CT --zone 5\n-A PREROUTING -p udp --dport 8 -m connmark --mark 0 -j DROP\n\
                COMMIT\n";
    let rulesets = [Ruleset::Nft(nft.to_owned()), Ruleset::Iptables(dump.to_owned())];
    let record = |port| {
        let frame = FrameBuilder::new().ip([198, 51, 100, 9], [192, 0, 2, 10]).udp(4000, port).build();
        Record { side: Side::Outside, time: Duration::from_millis(port.into()), frame }
    };
    let records: Vec<Record> = (1..=8).map(record).collect();
    let kernel = Oracle::new("eth0").judge(&rulesets, &records, false);
    assert_eq!(difference::none(&records, &rulesets, &kernel), "+++++-+-");
}
