//! Which connections are counted, and for how long? Limits on connections: what the kernel says packet by packet, and
//! that Sluice says the same.
//!
//! The kernel cleans its lists up at most once a tick, and the packets here are further apart than that.

use std::net::IpAddr;
use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::flag::{ACK, FIN, PSH, RST, SYN};
use tests::oracle::{Oracle, Ruleset};
use tests::sluice::Verdict;
use tests::traffic::Random;
use tests::{Judgement, Record, Side, difference, sluice};

/// Two ticks of a kernel at 250 Hz, and a little.
const APART: Duration = Duration::from_millis(10);

type Packet = (Side, FrameBuilder);

/// Chains of an nft ruleset with a set `s` for addresses of clients.
fn nft(input: &str, output: &str) -> Ruleset {
    let chain = |hook: &str, rules: &str| {
        format!(
            "\tchain {hook} {{\n\t\ttype filter hook {hook} priority filter; policy accept;\n{rules}\n\t}}\n"
        )
    };
    let set = "\tset s { type ipv4_addr; size 100; flags dynamic; }\n";
    Ruleset::Nft(format!("table inet t {{\n{set}{}{}}}\n", chain("input", input), chain("output", output)))
}

/// A dump with this rule in `INPUT`.
fn dump(rule: &str) -> Ruleset {
    let chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";
    Ruleset::Iptables(format!(
        "*filter\n{chains}-A INPUT -m conntrack --ctstate INVALID\n-A INPUT {rule}\nCOMMIT\n"
    ))
}

/// The kernel's word on each packet, after Sluice was found to say the same: `+` accepted, `-` dropped.
fn alike(ruleset: Ruleset, packets: &[Packet]) -> String {
    alike_for(&mut Oracle::new("eth0"), ruleset, packets)
}

fn alike_for(oracle: &mut Oracle, ruleset: Ruleset, packets: &[Packet]) -> String {
    let records: Vec<Record> = (1..)
        .zip(packets)
        .map(|(number, (side, frame))| {
            let time = Duration::from_secs(1_700_000_000) + APART * number;
            Record { side: *side, time, frame: frame.build() }
        })
        .collect();
    oracle.pause(APART);
    let rulesets = [ruleset];
    let kernel = oracle.judge(&rulesets, &records, false);
    let ours = sluice::replay(&rulesets, &records, false);
    // what only the kernel's clock could tell is refused on purpose, and the two know different connections from there on
    let unsure =
        |(kernel, ours): (&Judgement, &Verdict)| kernel.accepted && ours.reason == "connections-unsure";
    let end = kernel.iter().zip(&ours).position(unsure).unwrap_or(records.len());
    difference::none(&records[..end], &rulesets, &kernel[..end])
}

/// One client's connection: from port 40000 + `number` to port 80.
#[derive(Debug, Clone, Copy)]
struct Connection {
    client: u8,
    number: u16,
}

const fn connection(number: u16) -> Connection {
    Connection { client: 1, number }
}

impl Connection {
    fn segment(self, side: Side, flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
        let (client, server, port) = ([198, 51, 100, self.client], [192, 0, 2, 10], 40_000 + self.number);
        let frame = match side {
            Side::Outside => FrameBuilder::new().ip(client, server).tcp(port, 80, flags),
            Side::Inside => FrameBuilder::new().ip(server, client).tcp(80, port, flags),
        };
        (side, frame.sequence(sequence).acknowledgement(acknowledgement).window(1000))
    }

    fn syn(self) -> Packet {
        self.segment(Side::Outside, SYN, 1000, 0)
    }

    fn syn_ack(self) -> Packet {
        self.segment(Side::Inside, SYN | ACK, 5000, 1001)
    }

    fn ack(self) -> Packet {
        self.segment(Side::Outside, ACK, 1001, 5001)
    }

    fn reset(self) -> Packet {
        self.segment(Side::Outside, RST, 1001, 0)
    }

    fn refused(self) -> Packet {
        self.segment(Side::Inside, RST | ACK, 0, 1001)
    }

    fn out_of_window(self) -> Packet {
        self.segment(Side::Outside, ACK, 9_001_001, 5001)
    }

    fn fin(self) -> Packet {
        self.segment(Side::Outside, FIN | ACK, 1001, 5001)
    }

    fn fin_back(self) -> Packet {
        self.segment(Side::Inside, FIN | ACK, 5001, 1002)
    }

    fn last_ack(self) -> Packet {
        self.segment(Side::Outside, ACK, 1002, 5002)
    }

    fn datagram(self, side: Side) -> Packet {
        let (client, server, port) = ([198, 51, 100, self.client], [192, 0, 2, 10], 40_000 + self.number);
        let frame = match side {
            Side::Outside => FrameBuilder::new().ip(client, server).udp(port, 53),
            Side::Inside => FrameBuilder::new().ip(server, client).udp(53, port),
        };
        (side, frame)
    }
}

/// A third connection is refused, and stays counted until somebody cleans up: packets of connections that are not
/// assured do so only up to themselves.
fn opening() -> Vec<Packet> {
    let [a, b, c, d, e, stray] = [1, 2, 3, 4, 5, 9].map(connection);
    vec![
        a.syn(),
        b.syn(),
        c.syn(),
        a.syn(),
        c.syn(),
        a.syn_ack(),
        a.ack(),
        b.syn_ack(),
        b.refused(),
        d.syn(),
        e.syn(),
        stray.ack(),
        d.syn(),
        a.out_of_window(),
        a.ack(),
    ]
}

/// A connection that is closed counts no more; the next takes its place.
fn closing() -> Vec<Packet> {
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(connection);
    vec![
        a.syn(),
        a.syn_ack(),
        a.ack(),
        b.syn(),
        c.syn(),
        a.fin(),
        c.syn(),
        a.fin_back(),
        c.syn(),
        a.last_ack(),
        c.syn(),
        a.last_ack(),
        d.syn(),
        b.reset(),
        d.syn(),
        e.syn(),
    ]
}

#[test]
fn connections_beyond_the_limit_are_refused() {
    assert_eq!(alike(nft("ct count over 2 drop", ""), &opening()), "++---++++----++");
    assert_eq!(alike(nft("ct count 2 accept\n drop", ""), &opening()), "++---++++----++");
    assert_eq!(alike(nft("ct state new ct count over 2 drop", ""), &opening()), "++---++++--+-++");
}

#[test]
fn a_closed_connection_makes_room() {
    let both = nft("ct count over 2 drop", "ct count over 2 drop");
    for ruleset in [nft("ct count over 2 drop", ""), both] {
        assert_eq!(alike(ruleset, &closing()), "++++-+-+-+++-++-");
    }
}

#[test]
fn each_element_has_connections_of_its_own() {
    let of = |client, number| Connection { client, number }.syn();
    let clients = [of(1, 1), of(2, 1), of(1, 2), of(2, 2), of(3, 1)];
    assert_eq!(alike(nft("add @s { ip saddr ct count over 1 } drop", ""), &clients), "++--+");
    let masked = nft("add @s { ip saddr & 255.255.255.0 ct count over 1 } drop", "");
    assert_eq!(alike(masked, &clients), "+----");
    assert_eq!(alike(nft("add @s { ip saddr ct count over 2 } drop", ""), &opening()), "++---++++----++");
}

#[test]
fn a_lookup_counts_too_and_a_new_element_begins_at_none() {
    let [a, b, c] = [1, 2, 3].map(connection);
    let found = nft("ip saddr @s drop\n tcp sport 40001 add @s { ip saddr ct count over 1 } drop", "");
    assert_eq!(alike(found, &[a.syn(), b.syn(), c.syn(), a.syn(), c.syn(), a.syn()]), "+-----");
    let deleted =
        nft("tcp sport 40003 delete @s { ip saddr }\n add @s { ip saddr ct count over 1 } drop", "");
    assert_eq!(alike(deleted, &[a.syn(), b.syn(), c.syn(), a.syn(), b.syn(), a.syn()]), "+-+---");
}

/// Until the set is cleaned up, once a second.
#[test]
fn a_deleted_element_keeps_its_room() {
    let of = |client| Connection { client, number: u16::from(client) }.syn();
    let ruleset = |size: u8| {
        Ruleset::Nft(format!(
            "table inet t {{\n set s {{ type ipv4_addr; size {size}; flags dynamic; }}\n chain input {{\n type filter hook \
             input priority filter; policy accept;\n ct state invalid drop\n tcp sport 40001 delete @s {{ ip saddr }} \
             accept\n add @s {{ ip saddr }} accept\n drop\n }}\n}}\n"
        ))
    };
    // the first deletes nothing; then 2, 3; then 4 finds no room in two
    let one = Connection { client: 2, number: 1 }.syn();
    let packets = [of(1), of(2), of(3), one.clone(), of(4), of(2), of(3), of(4)];
    assert_eq!(alike(ruleset(2), &packets), "++++--+-");
    assert_eq!(alike(ruleset(3), &packets), "+++++-++");
}

#[test]
fn assured_connections_only_look() {
    let new = nft("ct state established ct count over 0 drop", "");
    assert_eq!(alike(new, &opening()), "+++++++++++++++");
    let answers = nft("", "add @s { ip saddr ct count over 0 } drop");
    assert_eq!(alike(answers, &opening()), "+++++-+--++++++");
}

#[test]
fn datagrams_that_are_answered_are_counted_once() {
    let [a, b, c] = [1, 2, 3].map(connection);
    let (there, back) = (|c: Connection| c.datagram(Side::Outside), |c: Connection| c.datagram(Side::Inside));
    let packets =
        [there(a), there(b), there(c), there(a), back(a), there(c), there(a), there(c), there(b), there(a)];
    assert_eq!(alike(nft("ct count over 2 drop", ""), &packets), "++--+-----");
}

#[test]
fn what_has_no_connection_counts_itself() {
    let [a, b, stray] = [1, 2, 9].map(connection);
    let strays = [stray.ack(), a.syn(), stray.ack(), b.syn(), a.syn(), a.out_of_window()];
    assert_eq!(alike(nft("ct count over 1 drop", ""), &strays), "++----");
    let killed = [a.syn(), a.reset(), b.syn(), b.refused(), a.syn()];
    assert_eq!(alike(nft("ct count over 1 drop", "ct count over 0 drop"), &killed), "+++-+");
    let raw = "table inet t {\n chain pre {\n type filter hook prerouting priority raw; policy accept;\n \
               tcp sport 40009 notrack\n }\n chain input {\n type filter hook input priority filter; policy accept;\n \
               ct count over 1 drop\n }\n}\n";
    let untracked = [stray.ack(), a.syn(), stray.ack(), a.syn(), a.syn(), b.syn(), stray.ack(), b.syn()];
    assert_eq!(alike(Ruleset::Nft(raw.to_owned()), &untracked), "++------");
}

/// Too little of a header to tell the connection.
#[test]
fn what_cannot_be_named_is_dropped() {
    let cut = |bytes: usize| {
        let frame =
            FrameBuilder::new().ip([198, 51, 100, 1], [192, 0, 2, 10]).raw(6).payload(&[0x9c; 20][..bytes]);
        (Side::Outside, frame)
    };
    let packets = [cut(2), cut(3), cut(4), cut(8), connection(1).syn()];
    assert_eq!(alike(nft("ct count 9 accept\n accept", ""), &packets), "--+++");
    assert_eq!(alike(nft("add @s { ip saddr ct count 9 } accept\n accept", ""), &packets), "--+++");
}

/// A malformed packet that names a connection, and one of PPTP's that has no call.
#[test]
fn what_is_malformed_may_have_a_name() {
    let a = connection(1);
    let mut packets = vec![a.syn(), a.syn()];
    let records = |packets: &[Packet], broken: usize| -> Vec<Record> {
        let times = (1..).map(|number| Duration::from_secs(1_700_000_000) + APART * number);
        let frames = packets.iter().enumerate().map(|(at, (side, frame))| {
            let mut frame = frame.build();
            if at == broken {
                *frame.last_mut().expect("bytes") ^= 0x55;
            }
            (*side, frame)
        });
        frames.zip(times).map(|((side, frame), time)| Record { side, time, frame }).collect()
    };
    let mut oracle = Oracle::new("eth0");
    oracle.pause(APART);
    let mut agreed = |rulesets: [Ruleset; 1], records: &[Record]| -> Vec<bool> {
        let kernel = oracle.judge(&rulesets, records, false);
        let ours = sluice::replay(&rulesets, records, false);
        assert_eq!(difference::first(records, &kernel, &ours), None);
        kernel.iter().map(|judgement| judgement.accepted).collect()
    };
    for ruleset in [nft("ct count over 1 drop", ""), dump("-m connlimit --connlimit-above 1 -j DROP")] {
        assert_eq!(agreed([ruleset], &records(&packets, 1)), [true; 2]);
    }
    let gre = FrameBuilder::new().ip([198, 51, 100, 1], [192, 0, 2, 10]).raw(47);
    packets.push((Side::Outside, gre.payload(&[0x30, 1, 8, 0, 0, 0, 0, 7, 0, 0, 0, 1])));
    assert_eq!(agreed([nft("ct count 9 accept", "")], &records(&packets, 9)), [true, true, false]);
}

/// Behind `ct zone set` a rule before tracking counts in that zone, which is refused ([`alike`] compares no further), and drops a
/// later fragment: of whose datagram it is nobody can tell.
#[test]
fn before_tracking_connections_of_another_zone_are_not_counted() {
    let chain = "table ip6 t {\n chain i {\n  type filter hook output priority raw; policy drop;\n  ct zone set 5\n  \
                 ct count 1 accept\n }\n chain s {\n  type filter hook input priority 0; policy accept;\n  \
                 ct state invalid accept\n }\n}\n";
    let [client, server] =
        ["2001:db8:1::1", "2001:db8:2::10"].map(|text| text.parse::<IpAddr>().expect("one"));
    let back = |port: u16, sequence: u32| {
        let frame = FrameBuilder::new().ip(server, client).tcp(80, port, SYN | ACK).sequence(sequence);
        (Side::Inside, frame)
    };
    let packets = [back(1, 1), back(2, 1), back(1, 2), back(3, 1)];
    assert_eq!(alike(Ruleset::Nft(chain.to_owned()), &packets), "");
    let later = || {
        let (side, frame) = back(1, 1);
        (side, frame.payload(&[b'x'; 71]).fragment(28, true))
    };
    assert_eq!(alike(Ruleset::Nft(chain.replace("  ct zone set 5\n", "")), &[later()]), "-");
    assert_eq!(
        alike(Ruleset::Nft(chain.to_owned()), &[later()]),
        "-",
        "nor is it with what stands for connections"
    );
}

/// What tracking has refused is looked for in no zone, whichever its connection is in: nobody stands there.
#[test]
fn who_has_no_connection_is_counted_in_no_zone() {
    let chains = "table ip t {\n chain z {\n  type filter hook prerouting priority raw; policy accept;\n  \
                  ct zone set 1\n }\n chain i {\n  type filter hook input priority 0; policy accept;\n  \
                  ct state invalid ct count over 2 drop\n }\n chain o {\n  type filter hook output priority raw; \
                  policy accept;\n  ct zone set 1\n }\n}\n";
    let connections = [1, 2, 3].map(connection);
    let begun = connections.iter().map(|one| one.syn());
    let unanswered = connections.iter().map(|one| one.ack());
    let packets: Vec<Packet> = begun.chain(unanswered).collect();
    assert_eq!(alike(Ruleset::Nft(chains.to_owned()), &packets), "+".repeat(6));
}

/// As the first whom a rule of iptables counts it is counted once, and dropped when nobody is counted any more.
#[test]
fn a_closed_connection_is_counted_until_its_next_packet() {
    let a = connection(1);
    let faulty = || a.segment(Side::Outside, PSH, 1001, 5001);
    let packets = [a.syn(), a.syn_ack(), a.ack(), a.reset(), faulty(), faulty(), a.out_of_window()];
    let rule = "-m conntrack --ctstate INVALID -m connlimit --connlimit-above 1 --connlimit-daddr -j ACCEPT";
    assert_eq!(alike(dump(rule), &packets), "+++++--");
}

/// The kernel's lists have no such bound.
#[test]
fn an_address_beyond_the_room_of_connlimit_is_dropped() {
    let rulesets = [dump("-m connlimit --connlimit-above 2 -j DROP")];
    let records: Vec<Record> = (0..=65_535_u32)
        .map(|client| {
            let frame =
                FrameBuilder::new().ip((0x0a00_0000 + client).to_be_bytes(), [192, 0, 2, 10]).udp(7, 53);
            Record { side: Side::Outside, time: Duration::from_micros(client.into()), frame: frame.build() }
        })
        .collect();
    let verdicts = sluice::replay(&rulesets, &records, false);
    let dropped: Vec<_> = verdicts.iter().filter(|verdict| verdict.verdict != "accept").collect();
    let [last] = dropped[..] else { panic!("{} dropped", dropped.len()) };
    assert_eq!((last.n, last.reason.as_str()), (65_536, "rule"));
}

#[test]
fn the_match_of_iptables_counts_likewise() {
    let drop = |match_: &str| dump(&format!("-m connlimit {match_} -j DROP"));
    let expected = "++---++++----++";
    assert_eq!(alike(drop("--connlimit-above 2 --connlimit-mask 0"), &opening()), expected);
    assert_eq!(alike(drop("--connlimit-above 2"), &opening()), expected);
    assert_eq!(alike(drop("--connlimit-above 2 --connlimit-daddr"), &opening()), expected);
    assert_eq!(alike(drop("--connlimit-above 2"), &closing()), "++++-+-+-+++-++-");
}

/// Where it has counted nobody yet it counts an assured connection too, which `ct count` does not; where nobody is
/// counted any more it drops the packet.
#[test]
fn the_match_of_iptables_counts_whom_it_has_not_seen() {
    let [a, b] = [1, 2].map(connection);
    let open = |c: Connection| [c.syn(), c.syn_ack(), c.ack()];
    let closes = |flags: &str, match_: &str| {
        dump(&format!("-p tcp --tcp-flags {flags} -m connlimit {match_} -j DROP"))
    };
    let packets = [&open(a)[..], &open(b), &[a.fin(), b.fin(), a.fin()]].concat();
    let above = |count: u8| closes("FIN FIN", &format!("--connlimit-above {count}"));
    assert_eq!(alike(above(0), &packets), "++++++---");
    assert_eq!(alike(above(1), &packets), "+++++++++");
    assert_eq!(alike(nft("tcp flags & fin == fin ct count over 0 drop", ""), &packets), "+++++++++");
    let ended = [&open(a)[..], &[a.fin(), a.fin_back(), a.last_ack()], &open(b), &[b.fin()]].concat();
    assert_eq!(alike(above(3), &ended), "+++++++++-");
}

/// A table without room drops whoever it cannot hold, whatever the rule would do.
#[test]
fn a_full_table_of_rates_drops_packets() {
    let packets: Vec<Packet> = [1, 2, 3, 4, 1, 5, 4, 2, 2, 3]
        .map(|client| Connection { client, number: 1 }.datagram(Side::Outside))
        .to_vec();
    let table = |name: &str| {
        format!(
            "--hashlimit-mode srcip --hashlimit-name {name} --hashlimit-htable-size 2 --hashlimit-htable-max 3 \
             --hashlimit-htable-expire 60000 --hashlimit-burst 2"
        )
    };
    let above = format!("-m hashlimit --hashlimit-above 1/hour {} -j DROP", table("above"));
    assert_eq!(alike(dump(&above), &packets), "+++-+--+-+");
    let upto = format!("-m hashlimit --hashlimit-upto 1/hour {} -j DROP", table("upto"));
    assert_eq!(alike(dump(&upto), &packets), "--------+-");
}

/// Conversations with losses and repetitions, from two clients, that take turns as chance has it.
#[test]
fn conversations_in_turns() {
    let mut oracle = Oracle::new("eth0");
    let invalid = "ct state invalid drop\n";
    let rulesets = [
        nft(&format!("{invalid}ct count over 3 drop"), ""),
        nft(&format!("{invalid}ct count over 2 drop"), &format!("{invalid}ct count over 3 drop")),
        nft("tcp flags syn / syn,ack,rst,fin add @s { ip saddr ct count over 2 } drop", ""),
        nft("tcp dport 80 ct state new ct count 3 accept\n ct state established accept\n drop", ""),
        dump("-p tcp --syn -m connlimit --connlimit-above 2 -j DROP"),
        dump("-m connlimit --connlimit-above 2 --connlimit-mask 24 -j DROP"),
    ];
    for (number, ruleset) in (0..).zip(rulesets) {
        let (mut words, mut seed) = (String::new(), number);
        while words.len() < 120 {
            words += &alike_for(&mut oracle, ruleset.clone(), &in_turns(seed));
            seed += 6;
        }
        assert!(words.contains('-') && words.contains('+'), "{words}");
    }
}

fn in_turns(seed: u64) -> Vec<Packet> {
    let mut random = Random::new(seed);
    let mut phases = [[0; 4]; 2];
    (0..160)
        .map(|_| {
            let (client, number) = (random.below(2), random.below(4));
            let phase = &mut phases[client][number];
            let connection = Connection { client: 1 + client as u8, number: number as u16 };
            let packet = match *phase % 6 {
                0 => connection.syn(),
                1 => connection.syn_ack(),
                2 => connection.ack(),
                3 => connection.fin(),
                4 => connection.fin_back(),
                _ => connection.last_ack(),
            };
            *phase += usize::from(!random.chance(25));
            packet
        })
        .collect()
}
