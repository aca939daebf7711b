//! What helpers of H.323 read in messages of any content: whatever the kernel says, Sluice says too.
//!
//! Half of the messages are in order; of the others a bit is another one, or they are cut off. After each, calls come to
//! what they announce. `SEED=1000` tells other stories.

use std::net::IpAddr;

use tests::oracle::Oracle;
use tests::scenario;
use tests::traffic::Random;
use tests::traffic::h323::{self, Announced, Channel, Place, Step};

/// Tells stories under rules that give a helper.
fn told(rule: &str, is_ipv6: bool, connection: impl Fn(&mut Random, &mut Talk)) {
    let mut oracle = Oracle::new("eth0");
    let (mut found, mut related) = (Vec::new(), 0);
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + STORIES {
        let mut draws = Random::new(seed);
        let mut talk = Talk::new(is_ipv6);
        for number in 0..CONNECTIONS {
            talk.begin(number);
            connection(&mut draws, &mut talk);
        }
        let (version, text) = (if is_ipv6 { "v6\n" } else { "" }, &talk.story);
        let story = format!("== {rule}, seed {seed}\n{version}rules\n{}end\n{text}", rules(rule));
        for story in scenario::read(&story) {
            found.extend(story.told_by(&mut oracle, 1));
            related += story.count("related");
        }
    }
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found[..found.len().min(9)].join("\n"));
    assert!(related > 100, "only {related} packets were related");
}

#[test]
fn ras() {
    told("type \"RAS\" protocol udp; udp dport 1719", false, gatekeeper);
}

#[test]
fn ras_over_ipv6() {
    told("type \"RAS\" protocol udp; udp dport 1719", true, gatekeeper);
}

#[test]
fn q931() {
    told("type \"Q.931\" protocol tcp; tcp dport 1720", false, call);
}

#[test]
fn q931_over_ipv6() {
    told("type \"Q.931\" protocol tcp; tcp dport 1720", true, call);
}

/// The rules that declare a helper and give it: what it is, and to whom.
fn rules(rule: &str) -> String {
    let (kind, whom) = rule.split_once("; ").expect("two parts");
    format!(
        "table inet t {{\n ct helper h {{\n  {kind}\n }}\n chain p {{\n  type filter hook prerouting priority 0; policy \
         accept;\n  {whom} ct helper set \"h\"\n }}\n chain i {{\n  type filter hook input priority 0; policy accept;\n  \
         ct state invalid accept\n }}\n}}\n"
    )
}

/// An endpoint and its gatekeeper.
fn gatekeeper(draws: &mut Random, talk: &mut Talk) {
    for _ in 0..1 + draws.below(5) {
        let end = if draws.chance(70) { 0 } else { 1 };
        let own = talk.place(draws, end);
        let host = draws.below(3);
        let far = talk.place(draws, host);
        let other = talk.place(draws, end);
        let seconds = draws.chance(40).then(|| draws.pick(&[20, 60, 3600, 100_000]));
        let (end, message) = match draws.below(12) {
            0..=3 => (end, {
                let from = draws.below(2);
                h323::registration_request(draws, &[far, own, other][from..], seconds)
            }),
            4 | 5 => (1 - end, h323::registration_confirm(draws, own, seconds)),
            6 => (end, h323::unregistration_request(draws, own)),
            7 | 8 => (1 - end, h323::admission_confirm(draws, far)),
            9 => (1 - end, h323::location_confirm(draws, far, own)),
            _ => (1 - end, h323::gatekeeper_confirm(draws, far)),
        };
        let message = spoiled(draws, message);
        talk.datagram(end, [talk.port, 1719], &message);
        talk.probe(draws, end, "udp");
        talk.probe(draws, end, "tcp");
        talk.probe(draws, end, "tcp");
        if draws.chance(30) {
            let from = talk.fresh();
            let mut calls = Segments::open(talk, 1 - end, [from, own.1]);
            let announced = Announced { control: Some(talk.place(draws, end)), ..Announced::default() };
            let message = h323::signal(draws, Step::Connect, &announced);
            calls.say(draws, talk, end, &message);
            talk.probe(draws, end, "tcp");
        }
    }
}

/// A call, and the channels that it opens.
fn call(draws: &mut Random, talk: &mut Talk) {
    let mut calls = Segments::open(talk, 0, [talk.port, 1720]);
    for _ in 0..1 + draws.below(5) {
        let end = draws.below(2);
        let step = draws.pick(&[
            Step::Setup,
            Step::Setup,
            Step::Proceeding,
            Step::Connect,
            Step::Connect,
            Step::Alerting,
            Step::Information,
            Step::Release,
            Step::Facility,
            Step::Facility,
            Step::Progress,
            Step::Progress,
        ]);
        let place = |draws: &mut Random, talk: &mut Talk, percent| {
            let host = if draws.chance(85) { end } else { 2 };
            draws.chance(percent).then(|| talk.place(draws, host))
        };
        let announced = Announced {
            control: place(draws, talk, 50),
            forwarded: place(draws, talk, 50),
            fast: (0..draws.below(4)).map(|_| channel(draws, talk, end, h323::open_channel)).collect(),
            tunnelled: (0..draws.below(3)).map(|_| control(draws, talk, end)).collect(),
        };
        let mut message = h323::signal(draws, step, &announced);
        if draws.chance(20) {
            message.extend(h323::signal(draws, Step::Information, &Announced::default()));
            let more = Announced { control: place(draws, talk, 90), ..Announced::default() };
            message.extend(h323::signal(draws, Step::Connect, &more));
        }
        let message = spoiled(draws, message);
        calls.say(draws, talk, end, &message);
        talk.probe(draws, end, "udp");
        talk.probe(draws, end, "udp");
        talk.probe(draws, end, "tcp");
        if let Some((_, port)) = announced.control.filter(|_| draws.chance(60)) {
            let from = talk.fresh();
            let mut media = Segments::open(talk, 1 - end, [from, port]);
            for _ in 0..1 + draws.below(3) {
                let end = draws.below(2);
                let said = control(draws, talk, end);
                let mut message = h323::tpkt(&said);
                if draws.chance(20) {
                    message.extend(h323::tpkt(&control(draws, talk, end)));
                }
                let message = spoiled(draws, message);
                media.say(draws, talk, end, &message);
                talk.probe(draws, end, "udp");
                talk.probe(draws, end, "udp");
                talk.probe(draws, end, "tcp");
            }
        }
    }
}

/// A message of H.245.
fn control(draws: &mut Random, talk: &mut Talk, end: usize) -> Vec<u8> {
    match draws.below(12) {
        0 => vec![0x02, 0x70, 0x01],
        1 => vec![draws.below(256) as u8, 0, 0],
        2..=6 => channel(draws, talk, end, h323::open_answer),
        _ => channel(draws, talk, end, h323::open_request),
    }
}

fn channel(
    draws: &mut Random,
    talk: &mut Talk,
    end: usize,
    write: impl FnOnce(&mut Random, &Channel) -> Vec<u8>,
) -> Vec<u8> {
    let mut place = |percent| {
        let host = if draws.chance(90) { end } else { 1 - end };
        draws.chance(percent).then(|| talk.place(draws, host))
    };
    let channel = Channel { media: [place(60), place(60)], back: [place(20), place(20)], stack: place(15) };
    write(draws, &channel)
}

/// With another bit, or cut off, every other time.
fn spoiled(draws: &mut Random, mut message: Vec<u8>) -> Vec<u8> {
    match draws.below(8) {
        0 | 1 => {
            let at = draws.below(message.len());
            message[at] ^= 1 << draws.below(8);
        }
        2 => message.truncate(draws.below(message.len()) + 1),
        3 => message.push(draws.below(256) as u8),
        _ => {}
    }
    message
}

/// What is told, and between whom.
struct Talk {
    story: String,
    is_ipv6: bool,
    hosts: [IpAddr; 3],
    port: u16,
    next: u16,
    /// What was announced lately.
    places: Vec<Place>,
}

impl Talk {
    fn new(is_ipv6: bool) -> Self {
        let hosts = [IpAddr::from([0, 0, 0, 0]); 3];
        Self { story: String::new(), is_ipv6, hosts, port: 0, next: 20_000, places: Vec::new() }
    }

    /// Between other hosts.
    fn begin(&mut self, number: usize) {
        let last = number + 1;
        self.hosts = match self.is_ipv6 {
            false => [format!("198.51.100.{last}"), "192.0.2.10".to_owned(), format!("203.0.113.{last}")],
            true => [
                format!("2001:db8:1::{last:x}"),
                "2001:db8:2::10".to_owned(),
                format!("2001:db8:3::{last:x}"),
            ],
        }
        .map(|host| host.parse().expect("an address"));
        self.port = self.fresh();
        self.places.clear();
    }

    fn fresh(&mut self) -> u16 {
        self.next += 1;
        self.next
    }

    /// Somewhere at a host.
    fn place(&mut self, draws: &mut Random, host: usize) -> Place {
        let at = (self.hosts[host], draws.pick(&[5000, 5000, 5001, 5002, 5003, 1720, 1721, 0]));
        self.places.push(at);
        at
    }

    fn sign(end: usize) -> char {
        if end == 0 { '>' } else { '<' }
    }

    fn datagram(&mut self, end: usize, ports: [u16; 2], data: &[u8]) {
        let (from, to) = (self.hosts[end], self.hosts[1 - end]);
        let sign = Self::sign(end);
        self.story += &format!(
            "{sign} udp {} {} from={from} to={to} data=\"{}\" : ?\n",
            ports[end],
            ports[1 - end],
            escaped(data)
        );
    }

    /// Somebody calls where he was told to by `end`, or beside it.
    fn probe(&mut self, draws: &mut Random, end: usize, protocol: &str) {
        let latest = self.places.len().saturating_sub(6);
        if self.places.len() == latest {
            return;
        }
        let (to, port) = self.places[latest + draws.below(self.places.len() - latest)];
        let from = self.hosts[if draws.chance(90) { 1 - end } else { 2 }];
        if from == to {
            return;
        }
        let (own, port) = (self.fresh(), if draws.chance(80) { port } else { port ^ 1 });
        let sign = if from == self.hosts[0] { '>' } else { '<' };
        self.story += &match protocol {
            "udp" => format!("{sign} udp {own} {port} from={from} to={to} data=\"\\x80\" : ?\n"),
            _ => format!("{sign} tcp {own} {port} S seq=1 from={from} to={to} : ?\n"),
        };
    }
}

/// A connection over TCP.
struct Segments {
    /// Who calls, as an end of the talk.
    caller: usize,
    ports: [u16; 2],
    next: [u32; 2],
}

impl Segments {
    fn open(talk: &mut Talk, caller: usize, ports: [u16; 2]) -> Self {
        let mut segments = Self { caller, ports, next: [1000, 5000] };
        segments.segment(talk, caller, "S", &[]);
        segments.segment(talk, 1 - caller, "SA", &[]);
        segments.segment(talk, caller, "A", &[]);
        segments
    }

    fn say(&mut self, draws: &mut Random, talk: &mut Talk, end: usize, data: &[u8]) {
        let cut = if draws.chance(80) { 4 } else { draws.below(data.len()) };
        if draws.chance(20) && data.len() > 4 && cut > 0 {
            self.segment(talk, end, "PA", &data[..cut]);
            if draws.chance(20) {
                self.segment(talk, end, "A", &[]);
            }
            self.segment(talk, end, "PA", &data[cut..]);
        } else {
            self.segment(talk, end, "PA", data);
        }
    }

    fn segment(&mut self, talk: &mut Talk, end: usize, flags: &str, data: &[u8]) {
        let own = usize::from(end != self.caller);
        let (from, to) = (talk.hosts[end], talk.hosts[1 - end]);
        let acknowledged = if flags == "S" { 0 } else { self.next[1 - own] };
        let sign = Talk::sign(end);
        let data = if data.is_empty() { String::new() } else { format!("data=\"{}\" ", escaped(data)) };
        talk.story += &format!(
            "{sign} tcp {} {} {flags} seq={} ack={acknowledged} from={from} to={to} win=60000 {data}: ?\n",
            self.ports[own],
            self.ports[1 - own],
            self.next[own],
        );
        let taken = data.matches("\\x").count() as u32 + u32::from(flags.contains('S'));
        self.next[own] = self.next[own].wrapping_add(taken);
    }
}

fn escaped(data: &[u8]) -> String {
    data.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

const STORIES: u64 = 20;
const CONNECTIONS: usize = 40;
