//! What helpers read in messages of any words: whatever the kernel says, Sluice says too.
//!
//! Messages are words that a helper looks for, in any order, behind a beginning that is in order; after each, calls come
//! to the ports that the words name. `SEED=1000` tells other stories.

use tests::oracle::Oracle;
use tests::scenario;
use tests::traffic::Random;

/// Up to so many words.
fn text(draws: &mut Random, words: &[&str], most: usize) -> String {
    (0..draws.below(most + 1)).map(|_| draws.pick(words)).collect()
}

/// Tells stories of a helper, each of some connections, to one worker.
fn told(helper: &str, service: (&str, u16), connection: impl Fn(&mut Random, usize) -> String) {
    told_to(&[1], helper, service, connection);
}

/// The same to so many workers.
fn told_to(
    workers: &[usize],
    helper: &str,
    (protocol, port): (&str, u16),
    connection: impl Fn(&mut Random, usize) -> String,
) {
    let mut oracle = Oracle::new("eth0");
    let mut found = Vec::new();
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + STORIES {
        let mut draws = Random::new(seed);
        let rules = format!(
            "table inet t {{\n ct helper h {{\n  type \"{helper}\" protocol {protocol}\n }}\n chain p {{\n  type filter hook \
             prerouting priority 0; policy accept;\n  {protocol} dport {port} ct helper set \"h\"\n }}\n chain i {{\n  type \
             filter hook input priority 0; policy accept;\n  ct state invalid accept\n }}\n}}\n"
        );
        let told: String = (0..CONNECTIONS).map(|number| connection(&mut draws, number)).collect();
        let stories = scenario::read(&format!("== {helper}, seed {seed}\nrules\n{rules}end\n{told}"));
        for workers in workers {
            found.extend(stories.iter().flat_map(|story| story.told_by(&mut oracle, *workers)));
        }
    }
    assert!(found.is_empty(), "{} differences\n{}", found.len(), found[..found.len().min(9)].join("\n"));
}

#[test]
fn irc() {
    told("irc", ("tcp", 6667), |draws, number| {
        let client = 4000 + number;
        let beginning = draws.pick(&[
            "PRIVMSG you :\\x01DCC SEND ",
            "PRIVMSG you :\\x01DCC ",
            "PRIVMSG ",
            " \\r\\nprivmsg a",
            "",
        ]);
        let words = text(
            draws,
            &[
                " ",
                ":",
                " :",
                "\\x01DCC ",
                "SEND ",
                "CHAT ",
                "file ",
                "x",
                "3325256705 ",
                "3325256706",
                "1283",
                "1284",
                "65536",
                "0",
                "\\n",
                "\\x01\\r\\n",
                "7620224001 ",
            ],
            14,
        );
        let end = draws.pick(&["\\n", "\\x01\\r\\n", "", "aaaaaaaaaaaaaaaa\\n"]);
        let probe = 1283 + draws.below(2);
        format!(
            "> tcp {client} 6667 S seq=1000 : new\n< tcp 6667 {client} SA seq=5000 ack=1001 : established\n\
             > tcp {client} 6667 A seq=1001 ack=5001 : established\n\
             > tcp {client} 6667 PA seq=1001 ack=5001 data=\"{beginning}{words}{end}\" : ?\n\
             < tcp {} {probe} S seq=1 : ?\n",
            3000 + number
        )
    });
}

#[test]
fn amanda() {
    told("amanda", ("udp", 10080), |draws, number| {
        let client = 700 + number;
        let words = [
            "CONNECT ", "DATA ", "MESG ", "INDEX ", "STATE ", "1283 ", "1284 ", "1285", "66819", "0", " ",
            "\\n", "12830 ",
        ];
        let text = text(draws, &words, 14);
        let beginning = draws.pick(&["CONNECT DATA ", "CONNECT ", "OPTIONS\\nCONNECT ", ""]);
        let end = draws.pick(&["\\n", "\\n", ""]);
        let probe = 1283 + draws.below(3);
        format!(
            "> udp {client} 10080 data=\"x\" : new\n< udp 10080 {client} data=\"{beginning}{text}{end}\" : ?\n\
             > tcp {} {probe} S seq=1 : ?\n",
            3000 + number
        )
    });
}

/// Two connections each are between the same hosts; half of what they say is in order. Some calls have the number 0, which is
/// also that of GRE without a call. Of several workers none knows all, and drops what hangs on the rest.
#[test]
fn pptp() {
    told_to(&[1, 3], "pptp", ("tcp", 1723), |draws, number| {
        let mut control = Control::new(format!("198.51.100.{}", 1 + number / 2), 4000 + number);
        if draws.below(8) > 0 {
            control.says(draws, 1, &[0; 5], 0);
            control.says(draws, 2, &[1, 0, 1, 0, 0], 0);
        }
        for _ in 0..2 + draws.below(14) {
            let [pns, pac] = [0, 0].map(|_| [5, 5, 5, 7, 0, 255][draws.below(6)]);
            let result = [1, 1, 1, 2, 0][draws.below(5)];
            let both = [0, pac, 0, pns, result];
            match draws.below(14) {
                0..=2 => {
                    control.says(draws, 7, &[0, pns, 0, 0, 0], 0);
                    control.says(draws, 8, &both, 0);
                }
                3 => {
                    control.says(draws, 9, &[0, pac, 0, 0, 0], 0);
                    control.says(draws, 10, &[0, pns, 0, pac, 1], 0);
                    control.says(draws, 11, &[0, pns, 0, 0, 0], 0);
                }
                4 => control.says(draws, 8, &both, 0),
                5 => control.says(draws, 13, &[0, pac, 1, 0, 0], 0),
                6 => {
                    let kind = draws.below(17);
                    let odd = draws.below(4);
                    control.says(draws, kind, &both, odd);
                }
                7 => control.is_closed(draws),
                _ => control.gre(draws, [pns, pac]),
            }
        }
        control.story
    });
}

/// A control connection of PPTP, and the GRE between its ends.
struct Control {
    story: String,
    host: String,
    port: usize,
    next: [u32; 2],
}

impl Control {
    fn new(host: String, port: usize) -> Self {
        let mut control = Self { story: String::new(), host, port, next: [0; 2] };
        control.is_opened(1000);
        control
    }

    fn is_opened(&mut self, sequence: u32) {
        let (host, port, next) = (&self.host, self.port, sequence + 1);
        self.story += &format!(
            "> tcp {port} 1723 S seq={sequence} from={host} : ?\n\
             < tcp 1723 {port} SA seq=5000 ack={next} to={host} : ?\n\
             > tcp {port} 1723 A seq={next} ack=5001 from={host} : ?\n"
        );
        self.next = [next, 5001];
    }

    /// A message, by who sends such; `odd` is what is wrong with it: 0 is nothing.
    fn says(&mut self, draws: &mut Random, kind: usize, message: &[u8], odd: usize) {
        let is_client = matches!(kind, 1 | 3 | 5 | 7 | 10 | 12 | 15) != (odd == 1 && draws.below(2) == 0);
        let mut bytes = vec![0, 0, 0, 1, 0x1a, 0x2b, 0x3c, 0x4d, 0, kind as u8, 0, 0];
        bytes.extend(message);
        let length = [0, 144, 144, 4, 4, 0, 0, 156, 20, 208, 12, 16, 4, 136, 28, 12].get(kind).copied();
        let length = 12 + length.unwrap_or(9);
        bytes.resize(length, 0);
        match odd {
            2 => bytes.truncate(length - 1 - draws.below(4)),
            3 => bytes[draws.below(12)] ^= 1 << draws.below(8),
            _ => {}
        }
        let data: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let (from, to) = if is_client { (0, 1) } else { (1, 0) };
        let (seq, ack, host, port) = (self.next[from], self.next[to], &self.host, self.port);
        self.next[from] += bytes.len() as u32;
        self.story += &if is_client {
            format!("> tcp {port} 1723 PA seq={seq} ack={ack} from={host} data=\"{data}\" : ?\n")
        } else {
            format!("< tcp 1723 {port} PA seq={seq} ack={ack} to={host} data=\"{data}\" : ?\n")
        };
    }

    /// It is reset, and perhaps opened again at once.
    fn is_closed(&mut self, draws: &mut Random) {
        let (host, port, [seq, _]) = (&self.host, self.port, self.next);
        self.story += &format!("> tcp {port} 1723 R seq={seq} from={host} : ?\n");
        if draws.below(2) == 0 {
            self.is_opened(seq + 400_000);
        }
    }

    fn gre(&mut self, draws: &mut Random, numbers: [u8; 2]) {
        let inward = draws.below(2) == 0;
        let (sign, end) = if inward { (">", "from") } else { ("<", "to") };
        let (number, host) = (numbers[usize::from(inward)], &self.host);
        let kind = ["3001", "3001", "3001", "3001", "3001", "0000"][draws.below(6)];
        self.story +=
            &format!("{sign} gre {kind} 880b {end}={host} data=\"\\x00\\x00\\x00\\x{number:02x}\" : ?\n");
    }
}

/// Half of the calls and registrations are in order but for one word.
#[test]
fn sip() {
    told("sip", ("udp", 5060), |draws, number| {
        let client = 6000 + number;
        let method =
            draws.pick(&["INVITE", "UPDATE", "ACK", "PRACK", "BYE", "REGISTER", "REGISTER", "invite"]);
        let headers = headers(draws, method);
        let request = format!(
            "{method} sip:bob@192.0.2.10 SIP/2.0{headers}{}",
            description(draws, "198.51.100.1", "4000")
        );
        let code = draws.pick(&["200 OK", "183 x", "486 x", "200", "100 x", "0", "x"]);
        let headers = self::headers(draws, method);
        let answer = format!("SIP/2.0 {code}{headers}{}", description(draws, "192.0.2.10", "5000"));
        let source = 7000 + 4 * number;
        format!(
            "> udp {client} 5060 data=\"{request}\" : ?\n< udp 5060 {client} data=\"{answer}\" : ?\n\
             < udp {source} 40000 data=\"x\" : ?\n< udp {source} 40001 data=\"x\" : ?\n< udp {source} 5070 data=\"x\" : ?\n\
             > udp {source} 50000 data=\"x\" : ?\n",
        )
    });
}

/// Several messages in a packet, some of another length than they say.
#[test]
fn sip_over_tcp() {
    told("sip", ("tcp", 5060), |draws, number| {
        let client = 6000 + number;
        let said: String = (0..=draws.below(3)).map(|_| framed(draws)).collect();
        let source = 7000 + 4 * number;
        format!(
            "> tcp {client} 5060 S seq=1000 : new\n< tcp 5060 {client} SA seq=5000 ack=1001 : established\n\
             > tcp {client} 5060 A seq=1001 ack=5001 : established\n\
             > tcp {client} 5060 PA seq=1001 ack=5001 data=\"{said}\" : ?\n\
             < udp {source} 40000 data=\"x\" : ?\n< udp {source} 40001 data=\"x\" : ?\n"
        )
    });
}

fn framed(draws: &mut Random) -> String {
    let method = draws.pick(&["INVITE", "UPDATE", "ACK", "BYE", "REGISTER", "OPTIONS"]);
    let body = description(draws, "198.51.100.1", "4000");
    let is_escape = |part: &str| if part.starts_with('x') { part.len() - 2 } else { part.len() };
    let length = body.split('\\').skip(1).map(is_escape).sum::<usize>() + body.find('\\').unwrap_or(0);
    let says = [length, length, length, length, 0, length + 7][draws.below(6)];
    let name = draws.pick(&["Content-Length: ", "l:", "content-length : 0", "Content-Size: "]);
    format!("{method} sip:bob@192.0.2.10 SIP/2.0\\r\\n{name}{says}{}{body}", headers(draws, method))
}

const CONTACTS: &[&str] = &[
    "<sip:a@198.51.100.1:5070>",
    "<sip:a@198.51.100.1:5070>;expires=60",
    "<sip:198.51.100.1:5070;transport=udp>;expires=60",
    "sip:a@198.51.100.1:5070;transport=TCP",
    "<sip:a@198.51.100.2:5070>, <sip:a@198.51.100.1:5070>;expires=60",
    "<sip:a@host>",
    "A <SIP:a@198.51.100.1:5070>;q=1;expires=x",
    "<sip:a@198.51.100.1:50>",
    "sip:198.51.100.1",
    "<sip:a@1.2.3>, sip:a@198.51.100.1:5070\\r\\n ;expires=9",
];

fn headers(draws: &mut Random, method: &str) -> String {
    let mut all = [
        format!("CSeq: {} {method}", draws.pick(&["1", "1", "1", "2", "0", "x"])),
        format!("{}: {}", draws.pick(&["Expires", "Expires", "Expiry"]), draws.pick(&["60", "60", "0", "x"])),
        format!(
            "{}{}",
            draws.pick(&["Contact: ", "m:", "contact : ", "m\\r\\n :\\r\\n\\x09 "]),
            draws.pick(CONTACTS)
        ),
        draws.pick(&["Via: SIP/2.0/UDP x", "To: sip:b@x", "Call-Id: a@b", "x"]).to_owned(),
    ];
    if draws.below(6) == 0 {
        let (gone, text) = (
            draws.below(all.len()),
            text(draws, &["CSeq", ":", " ", "m", ",", "sip:", "\\r\\n", "\\n", "1"], 5),
        );
        all[gone] = text;
    }
    let swapped = draws.below(all.len());
    all.swap(0, swapped);
    let end = draws.pick(&["\\r\\n", "\\r\\n", "\\r\\n", "\\n", "\\r"]);
    all.iter().map(|header| format!("{end}{header}")).collect::<String>() + end + end
}

fn description(draws: &mut Random, host: &str, port: &str) -> String {
    let host = draws.pick(&[host, host, host, "198.51.100.9", "256.1.1.1", "1.2.3", "x"]);
    let end = draws.pick(&["\\r\\n", "\\r\\n", "\\n"]);
    let mut lines = vec!["v=0".to_owned(), format!("o=- 1 1 IN IP4 {host}"), format!("c=IN IP4 {host}")];
    for _ in 0..draws.below(4) {
        let medium = draws.pick(&["audio ", "audio ", "video ", "image ", "text ", "audio", ""]);
        let port =
            [format!("{port}0"), format!("{port}1"), "0".to_owned(), "1023".to_owned(), "70000".to_owned()];
        let port = &port[[0, 0, 0, 1, 1, 2, 3, 4][draws.below(8)]];
        lines.push(format!("m={medium}{port} RTP/AVP 0"));
        if draws.below(4) == 0 {
            lines.push(
                draws
                    .pick(&["c=IN IP4 198.51.100.1", "c=IN IP4 192.0.2.10/127", "c=IN IP6 ::1", "a=x"])
                    .to_owned(),
            );
        }
    }
    if draws.below(5) == 0 {
        let gone = draws.below(lines.len());
        lines.remove(gone);
    }
    lines.iter().map(|line| format!("{line}{end}")).collect()
}

const STORIES: u64 = 12;
const CONNECTIONS: usize = 40;
