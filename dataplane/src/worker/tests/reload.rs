//! What does a new ruleset keep of the one before? What packets have done to named limits, quotas, sets and lists, and the
//! flows; counters and limits on connections begin anew.

use super::{CLIENT, Rig, SERVER, policy};
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, SYN};
use crate::pipeline::Outcome;
use crate::rules::Rules;
use crate::track::CtState;
use config::policy::CounterId;

/// Chain `input` with these rules, behind these declarations.
fn table(declared: &str, rules: &str) -> String {
    format!(
        "table inet f {{\n{declared}\nchain input {{ type filter hook input priority 0; policy drop;\n{rules}\n}}\n}}"
    )
}

impl Rig {
    /// The next generation, at this millisecond, as the daemon makes it.
    fn reload(&mut self, text: &str, now: u64) {
        let workers = self.workers.len();
        let before = Some(self.publisher.current());
        let rules = Rules::compile_at(&policy(text), workers, now * 1_000_000, before).expect("compiled");
        self.publisher.publish(rules);
        self.run();
    }

    /// Whether a datagram to this port passes.
    fn passes(&mut self, now: u64, port: u16) -> bool {
        self.passes_from(now, CLIENT, port)
    }

    fn passes_from(&mut self, now: u64, client: [u8; 4], port: u16) -> bool {
        let frame = FrameBuilder::new().ip(client, SERVER).udp(4242, port);
        self.one(Side::Outside, now, &frame).outcome == Outcome::Accept
    }
}

#[test]
fn named_limits_and_quotas_go_on_and_others_begin_anew() {
    let declared = "limit few { rate 1/day burst 3 packets; }; quota some { 100 bytes; };";
    let rules = "udp dport 1 limit name \"few\" accept
        udp dport 2 quota name \"some\" accept
        udp dport 3 limit rate 1/day burst 1 packets accept";
    let text = table(declared, rules);
    let mut rig = Rig::new(&text, 1, 64);
    let at_once = |rig: &mut Rig, now, port| [0; 4].map(|_| rig.passes(now, port));
    assert_eq!([0; 2].map(|_| rig.passes(0, 1)), [true; 2]);
    assert_eq!([0; 2].map(|_| rig.passes(0, 2)), [true; 2], "28 bytes each");
    assert_eq!(at_once(&mut rig, 0, 3), [true, false, false, false]);
    rig.reload(&format!("{}\n", text.replace("policy drop", "policy drop; udp dport 9 accept")), 5);
    assert_eq!(at_once(&mut rig, 5, 1), [true, false, false, false], "two of three had gone");
    assert_eq!(at_once(&mut rig, 5, 2), [true, false, false, false], "56 bytes of 100 had gone");
    assert_eq!(at_once(&mut rig, 5, 3), [true, false, false, false], "it has no name");
    rig.reload(&text.replace("burst 3", "burst 2").replace("100 bytes", "60 bytes"), 6);
    assert_eq!(at_once(&mut rig, 6, 1), [true, true, false, false], "it is another limit");
    assert_eq!(at_once(&mut rig, 6, 2), [true, true, false, false], "it is another quota");
}

#[test]
fn what_packets_put_into_sets_stays_for_the_time_it_has_left() {
    let declared = "set seen { type ipv4_addr; size 10; flags dynamic,timeout; timeout 10s; elements = { 10.0.0.1 timeout 1s }; };
        map marks { type ipv4_addr : mark; size 10; flags dynamic; };";
    let rules = "udp dport 1 add @seen { ip saddr } update @marks { ip saddr : 0x5 } accept
        udp dport 2 ip saddr @seen accept
        udp dport 3 meta mark set ip saddr map @marks meta mark 5 accept";
    let text = table(declared, rules);
    let mut rig = Rig::new(&text, 1, 64);
    assert!(rig.passes(0, 1) && rig.passes(4000, 2) && rig.passes(4000, 3));
    assert!(!rig.passes_from(4000, [10, 0, 0, 1], 2), "what the ruleset put there has ended");
    rig.reload(&text, 4000);
    assert!(rig.passes(9999, 2) && rig.passes(9999, 3));
    assert!(!rig.passes(10_000, 2), "ten seconds after it came, not after the ruleset did");
    assert!(rig.passes_from(4500, [10, 0, 0, 1], 2), "the ruleset has put it there again");
    rig.reload(&text.replace("set seen { type ipv4_addr;", "set seen { type ipv4_addr; counter;"), 10_001);
    assert!(rig.passes(10_002, 1) && rig.passes(10_002, 2));
    rig.reload(&text, 10_003);
    assert!(!rig.passes(10_003, 2), "elements that do other things are no elements of this set");
    rig.reload(&text.replace("marks", "others"), 10_004);
    assert!(!rig.passes(10_004, 3), "a set by another name is another");
}

#[test]
fn lists_of_recent_stay() {
    let dump = |more: &str| {
        format!(
            "*filter\n:INPUT DROP [0:0]\n{more}-A INPUT -p udp -m udp --dport 1 -m recent --set --name x -j ACCEPT\n\
             -A INPUT -p udp -m udp --dport 2 -m recent --rcheck --seconds 10 --hitcount 2 --name x -j ACCEPT\nCOMMIT\n"
        )
    };
    let mut rig = Rig::new(&dump(""), 1, 64);
    assert!(rig.passes(0, 1) && !rig.passes(1, 2));
    rig.reload(&dump("-A INPUT -p udp -m udp --dport 9 -j ACCEPT\n"), 2);
    assert!(rig.passes(3, 1) && rig.passes(4, 2), "once before and once after");
}

#[test]
fn counters_begin_anew_and_flows_stay() {
    let text = table("", "tcp dport 80 ct state new counter accept\nct state established accept");
    let mut rig = Rig::new(&text, 1, 64);
    let segment = |flags| FrameBuilder::new().ip(CLIENT, SERVER).tcp(4242, 80, flags).sequence(1000);
    assert_eq!(rig.one(Side::Outside, 0, &segment(SYN)).ct, CtState::New);
    let counted = |rig: &Rig| rig.publisher.current().counted(CounterId(0)).0;
    assert_eq!(counted(&rig), 1);
    rig.reload(&text, 5);
    assert_eq!((counted(&rig), rig.stats[0].flows.get()), (0, 1));
    let answer =
        FrameBuilder::new().ip(SERVER, CLIENT).tcp(80, 4242, SYN | ACK).sequence(5000).acknowledgement(1001);
    assert_eq!(rig.one(Side::Inside, 5, &answer).ct, CtState::Established, "the flow began before");
}

#[test]
fn limits_on_connections_count_anew() {
    let text = table("", "tcp dport 80 ct state new ct count over 2 drop\ntcp dport 80 accept");
    let mut rig = Rig::new(&text, 1, 64);
    let syn = |rig: &mut Rig, port, now| {
        let frame = FrameBuilder::new().ip(CLIENT, SERVER).tcp(port, 80, SYN).sequence(1000);
        rig.one(Side::Outside, now, &frame).outcome == Outcome::Accept
    };
    assert_eq!([1, 2, 3].map(|port| syn(&mut rig, port, 0)), [true, true, false]);
    rig.reload(&text, 1000);
    assert_eq!([4, 5, 6].map(|port| syn(&mut rig, port, 1000)), [true, true, false]);
    assert_eq!(rig.stats[0].flows.get(), 4, "those before are there still, and count no more");
}
