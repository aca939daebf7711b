//! What should connection tracking say of each packet of a story? Stories a network engineer can read; both the kernel
//! and Sluice must say what is written.
//!
//! ```text
//! == the name of the story
//! rules                                             nft, up to `end`; without, every packet is accepted
//! end
//! v6 | loose                                        IPv6 addresses; nf_conntrack_tcp_loose
//! > tcp 40000 80 S seq=1000 win=8192 : new          from the client outside: ports, flags, and the ct state
//! < tcp 80 40000 SA seq=5000 ack=1001 : established from the server inside
//! > udp 3000 69 data="\x00\x01file" : new drop      and `drop`, if it does not pass
//! > udp 3000 69 data="whatever" : ?                 what the kernel says, Sluice must say
//! < icmp 3 1 about=2 : related                      an ICMP error about packet 2 of the story, from the host there
//! > icmp 8 0 id=7 : new
//! > gre 3001 880b data="..." : new                  flags and protocol, in hex
//! > ip 99 : new                                     any other protocol
//! > sctp 1000 2000 tag=0 data="\x01..." : new       chunks as bytes
//! = ESTABLISHED 300 ASSURED                         how the connection of the packet above stands behind it
//! = gone                                            or that there is none
//! wait 2.1                                          seconds
//! ```
//!
//! Of how a connection stands may be said its state, the seconds until it ends, `ASSURED` or `doubted`, `REPLIED` or
//! `UNREPLIED`.
//!
//! `from=` and `to=` are other addresses, `length=` is that of data of any kind, `badsum` breaks the checksum, `options=` are TCP options in hex,
//! `extension=60` puts an empty extension header before the transport, `quote=28` cuts the quoted packet, `fill=7` puts so
//! many bytes of zero behind the data.

use std::net::IpAddr;
use std::time::Duration;

use dataplane::packet::build::FrameBuilder;
use dataplane::packet::{flag, parse, protocol};

use crate::capture::{Record, Side};
use crate::firewall::{self, Firewall};
use crate::follow::{Standing, follow};
use crate::oracle::{Oracle, Ruleset};

/// A story.
#[derive(Debug, Default)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    rules: String,
    v6: bool,
    loose: bool,
    lines: Vec<Line>,
    now: Duration,
}

#[derive(Debug)]
struct Line {
    text: String,
    record: Record,
    state: String,
    passes: bool,
    /// How its connection stands behind it.
    stands: Vec<String>,
}

/// The stories of a file.
///
/// # Panics
/// If it cannot be read: it names the line.
#[must_use]
pub fn read(text: &str) -> Vec<Scenario> {
    let mut all: Vec<Scenario> = Vec::new();
    let mut in_rules = false;
    for (number, line) in (1..).zip(text.lines()) {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(name) = line.strip_prefix("== ") {
            all.push(Scenario { name: name.to_owned(), now: Duration::from_secs(1), ..Scenario::default() });
            continue;
        }
        let Some(story) = all.last_mut() else { continue };
        match words[..] {
            ["end"] => in_rules = false,
            _ if in_rules => story.rules += &format!("{line}\n"),
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["rules"] => in_rules = true,
            ["v6"] => story.v6 = true,
            ["loose"] => story.loose = true,
            ["wait", seconds] => {
                story.now += Duration::from_secs_f64(seconds.parse().expect("seconds"));
            }
            ["=", ref words @ ..] => {
                let last = story.lines.last_mut().unwrap_or_else(|| panic!("line {number}: no packet"));
                last.stands = words.iter().map(|word| (*word).to_owned()).collect();
            }
            [side @ (">" | "<"), ref packet @ ..] => story.packet(line, side, packet, number),
            _ => panic!("line {number}: {line}"),
        }
    }
    all
}

impl Scenario {
    fn packet(&mut self, text: &str, side: &str, words: &[&str], number: usize) {
        let colon =
            words.iter().position(|word| *word == ":").unwrap_or_else(|| panic!("line {number}: no state"));
        let (packet, said) = words.split_at(colon);
        let inward = side == ">";
        let (client, server) = match self.v6 {
            false => ("198.51.100.1", "192.0.2.10"),
            true => ("2001:db8:1::1", "2001:db8:2::10"),
        };
        let ends = if inward { (client, server) } else { (server, client) };
        let address = |key, other: &str| -> IpAddr {
            value(packet, key).unwrap_or(other).parse().unwrap_or_else(|_| panic!("line {number}: {key}"))
        };
        let (source, destination) = (address("from", ends.0), address("to", ends.1));
        let mut frame = FrameBuilder::new().ip(source, destination);
        if let Some(kind) = value(packet, "extension") {
            frame = frame.extension(kind.parse().expect("a number"), &[1, 4, 0, 0, 0, 0]);
        }
        let mut frame = self.transport(frame, packet, number);
        if let Some(data) = value(packet, "data") {
            let mut data = unescaped(data);
            let fill: usize = value(packet, "fill").map_or(0, |fill| fill.parse().expect("a number"));
            data.resize(data.len() + fill, 0);
            frame = frame.payload(&data);
        }
        if let Some(length) = value(packet, "length") {
            frame = frame.payload(&vec![b'x'; length.parse().expect("a number")]);
        }
        let mut frame = frame.build();
        if packet.contains(&"badsum") {
            *frame.last_mut().expect("bytes") ^= 0x55;
        }
        self.now += Duration::from_micros(100);
        let side = if inward { Side::Outside } else { Side::Inside };
        self.lines.push(Line {
            text: format!("line {number}: {}", text.trim()),
            record: Record { side, time: self.now, frame },
            state: (*said.get(1).unwrap_or_else(|| panic!("line {number}: no state"))).to_owned(),
            passes: said.get(2) != Some(&"drop"),
            stands: Vec::new(),
        });
    }

    fn transport(&self, frame: FrameBuilder, words: &[&str], number: usize) -> FrameBuilder {
        let at = |place: usize| -> u32 {
            words
                .get(place)
                .and_then(|word| word.parse().ok())
                .unwrap_or_else(|| panic!("line {number}: word {place}"))
        };
        let port = |place| u16::try_from(at(place)).expect("a port");
        let known =
            |key: &str, other: u32| value(words, key).map_or(other, |text| text.parse().expect("a number"));
        match words[0] {
            "tcp" => {
                let flags = words[3].chars().map(|letter| match letter {
                    'F' => flag::FIN,
                    'S' => flag::SYN,
                    'R' => flag::RST,
                    'P' => flag::PSH,
                    'A' => flag::ACK,
                    'U' => flag::URG,
                    '.' => 0,
                    _ => panic!("line {number}: flag {letter}"),
                });
                let options = value(words, "options").map(from_hex).unwrap_or_default();
                frame
                    .tcp(port(1), port(2), flags.fold(0, |all, one| all | one))
                    .tcp_options(&options)
                    .sequence(known("seq", 0))
                    .acknowledgement(known("ack", 0))
                    .window(u16::try_from(known("win", 8192)).expect("a window"))
            }
            "udp" => frame.udp(port(1), port(2)),
            "udplite" => frame.udplite(port(1), port(2), 0),
            "dccp" => frame.dccp([port(1), port(2)], 0, 7, &[0; 4]),
            "sctp" => frame.sctp(port(1), port(2), known("tag", 0)),
            "gre" => {
                let hex = |place: usize| u16::from_str_radix(words[place], 16).expect("hex");
                frame.gre(hex(1), hex(2))
            }
            "ip" => frame.raw(at(1) as u8),
            "icmp" => match value(words, "about") {
                None => frame.icmp_query(at(1) as u8, known("id", 1) as u16, 1),
                Some(about) => {
                    let quoted =
                        &self.lines[about.parse::<usize>().expect("a number") - 1].record.frame[14..];
                    let length = known("quote", 576).min(quoted.len() as u32) as usize;
                    let frame = frame.icmp(at(1) as u8, at(2) as u8, [0; 4]);
                    match (at(1), self.v6) {
                        (137, true) => {
                            // two addresses, and an option that quotes
                            let before = [&[0x20; 32][..], &[4, 9, 0, 0, 0, 0, 0, 0]].concat();
                            frame.time_to_live(255).payload(&[&before, &quoted[..length]].concat())
                        }
                        _ => frame.payload(&quoted[..length]),
                    }
                }
            },
            other => panic!("line {number}: {other}"),
        }
    }

    /// Both judge. What one says that is not written, or nothing. Where the kernel is to say it, several workers may drop
    /// what none can tell ([`UNSURE`]); GRE that comes behind it between the same hosts is not compared.
    ///
    /// # Panics
    /// If the rules are refused.
    pub fn told_by(&self, oracle: &mut Oracle, workers: usize) -> Vec<String> {
        let rules = if self.rules.is_empty() { EVERYTHING } else { &self.rules };
        let rulesets = match rules.trim_start().starts_with('*') {
            true => [Ruleset::Iptables(rules.to_owned())],
            false => [Ruleset::Nft(rules.to_owned())],
        };
        let records: Vec<Record> = self.lines.iter().map(|line| line.record.clone()).collect();
        let mut stand = [vec![None; records.len()], vec![None; records.len()]];
        let kernel = oracle.judge_in_time(&rulesets, &records, self.loose, |oracle, number| {
            if !self.lines[number].stands.is_empty() {
                let tuple = parse(&records[number].frame[..]).tuple;
                stand[0][number] = Standing::listed(&oracle.connections(), &tuple);
            }
        });
        follow(&rulesets, &records, self.loose, |met| {
            stand[1][met.number] = met.after.as_ref().map(|found| Standing::of(found, met.now));
        });
        let policy =
            firewall::policy(&rulesets).unwrap_or_else(|complaint| panic!("{}: {complaint}", self.name));
        let mut firewall = Firewall::new(policy, self.loose, workers, 0).expect("compiles");
        let sluice = firewall.judge(&records);
        let (mut found, mut unsure) = (Vec::new(), Vec::new());
        for ((line, kernel), sluice) in self.lines.iter().zip(&kernel).zip(&sluice) {
            if line.state == WHATEVER && workers > 1 {
                let tuple = parse(&line.record.frame[..]).tuple;
                let is_gre = tuple.protocol == protocol::GRE;
                let hosts = [tuple.source.min(tuple.destination), tuple.source.max(tuple.destination)];
                let is_unsure = sluice.verdict.reason == UNSURE;
                if is_unsure {
                    unsure.push(hosts);
                }
                if is_unsure || is_gre && unsure.contains(&hosts) {
                    continue;
                }
            }
            let said = match &*line.state {
                WHATEVER => (kernel.state, kernel.accepted),
                state => (state, line.passes),
            };
            let mut compare = |who: &str, state: &str, passes: bool, why: &str| {
                if (state, passes) != said {
                    let verdict = if passes { "passes" } else { "is dropped" };
                    found.push(format!("{}: {}\n    {who}: {state}, {verdict} {why}", self.name, line.text));
                }
            };
            compare("kernel", kernel.state, kernel.accepted, "");
            let verdict = &sluice.verdict;
            compare("sluice", &verdict.ct, verdict.verdict == "accept", &verdict.reason);
        }
        for (who, stand) in ["kernel", "sluice"].into_iter().zip(&stand) {
            for (line, stand) in self.lines.iter().zip(stand) {
                if !line.stands.iter().all(|word| is_said(word, stand.as_ref())) {
                    let (said, found_there) = (line.stands.join(" "), stand.as_ref());
                    let found_there = found_there.map_or("gone".to_owned(), ToString::to_string);
                    found.push(format!(
                        "{}: {}\n    = {said}\n    {who}: {found_there}",
                        self.name, line.text
                    ));
                }
            }
        }
        found
    }

    /// How many of its packets are in this state, as Sluice sees it.
    ///
    /// # Panics
    /// If the rules are refused.
    #[must_use]
    pub fn count(&self, state: &str) -> usize {
        let policy = firewall::policy(&[Ruleset::Nft(self.rules.clone())]).expect("a policy");
        let records: Vec<Record> = self.lines.iter().map(|line| line.record.clone()).collect();
        let judged = Firewall::new(policy, self.loose, 1, 0).expect("compiles").judge(&records);
        judged.iter().filter(|judged| judged.verdict.ct == state).count()
    }

    /// How many packets it has.
    #[must_use]
    pub fn packets(&self) -> usize {
        self.lines.len()
    }
}

/// Whether a word is true of a connection. The kernel, which lives in real time, may be some seconds late.
fn is_said(word: &str, stand: Option<&Standing>) -> bool {
    let Some(stand) = stand else { return word == "gone" };
    match word {
        "ASSURED" => stand.is_assured,
        "doubted" => !stand.is_assured,
        "REPLIED" => stand.is_replied,
        "UNREPLIED" => !stand.is_replied,
        _ => match word.parse::<u64>() {
            Ok(seconds) => stand.milliseconds.abs_diff(seconds * 1000) <= LATE,
            Err(_) => stand.state.as_deref() == Some(word),
        },
    }
}

/// Milliseconds.
const LATE: u64 = 3000;

/// Rules that let everything pass and ask for the state.
const EVERYTHING: &str = "table inet t {\n chain i {\n  type filter hook input priority 0; policy accept;\n  \
                          ct state invalid accept\n }\n}\n";

/// Why that is dropped.
const UNSURE: &str = "helper-unsure";

/// What is said where it is the kernel's to say.
const WHATEVER: &str = "?";

/// Words between blanks; a word may have a part in quotes.
fn words(line: &str) -> Vec<String> {
    let (mut found, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => {
                found.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            }
            _ => word.push(letter),
        }
    }
    found.extend((!word.is_empty()).then_some(word));
    found
}

/// What stands behind `key=`.
fn value<'a>(words: &[&'a str], key: &str) -> Option<&'a str> {
    words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16).expect("hex")).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// `\r`, `\n` and `\x00` for the bytes they mean.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = match part.as_bytes() {
            [b'r', rest @ ..] => (b'\r', rest),
            [b'n', rest @ ..] => (b'\n', rest),
            [b'x', _, _, rest @ ..] => (from_hex(&part[1..3])[0], rest),
            _ => panic!("\\{part}"),
        };
        bytes.push(byte);
        bytes.extend(rest);
    }
    bytes
}
