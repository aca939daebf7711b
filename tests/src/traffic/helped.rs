//! What do connections that helpers read say, and who calls then? FTP, TFTP, IRC, SIP, Amanda, SANE and H.323 as their
//! ends speak them, broken here and there; calls to what was announced and beside it.

mod h323;

use std::net::IpAddr;

use dataplane::packet::flag::{ACK, FIN, PSH, RST, SYN};

use super::{Hosts, Random, Sent, datagrams};

/// A conversation in the making.
struct Talk {
    hosts: Hosts,
    ports: [u16; 2],
    /// The next sequence number of each end.
    next: [u32; 2],
    sent: Vec<Sent>,
}

/// Some protocol with its L4 port, which rules may give a helper to.
pub(super) fn conversation(random: &mut Random, hosts: Hosts) -> Vec<Sent> {
    let talk = |random: &mut Random, port: u16| Talk {
        hosts,
        ports: [40_000 + random.below(12) as u16, port],
        next: [random.next() as u32, random.next() as u32],
        sent: Vec::new(),
    };
    match random.below(16) {
        0..5 => talk(random, 21).ftp(random),
        5..7 => talk(random, 69).tftp(random),
        7 => talk(random, 6667).irc(random),
        8 | 9 => talk(random, 5060).sip(random),
        10 => talk(random, 10_080).amanda(random),
        11 => talk(random, 6566).sane(random),
        12 | 13 => talk(random, 1719).ras(random),
        _ => talk(random, 1720).q931(random),
    }
}

impl Talk {
    fn segment(&mut self, end: usize, flags: u8, data: &[u8]) {
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[1 - end] };
        let frame = self.hosts.from(end).tcp(self.ports[end], self.ports[1 - end], flags);
        let frame = frame.sequence(self.next[end]).acknowledgement(acknowledged).window(29_200).payload(data);
        let taken = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[end] = self.next[end].wrapping_add(taken);
        self.sent.push(self.hosts.sent(end, &frame));
    }

    fn open(&mut self) {
        self.segment(0, SYN, &[]);
        self.segment(1, SYN | ACK, &[]);
        self.segment(0, ACK, &[]);
    }

    /// A line, which may be broken, come twice, or in two segments.
    fn say(&mut self, random: &mut Random, end: usize, text: &str) {
        self.tell(random, end, text.as_bytes());
    }

    /// The same of bytes.
    fn tell(&mut self, random: &mut Random, end: usize, bytes: &[u8]) {
        let bytes = spoiled(random, bytes);
        match random.below(20) {
            0 if bytes.len() > 1 => {
                let (one, other) = bytes.split_at(1 + random.below(bytes.len() - 1));
                self.segment(end, ACK | PSH, one);
                self.segment(end, ACK | PSH, other);
            }
            1 => {
                let before = self.next[end];
                self.segment(end, ACK | PSH, &bytes);
                self.next[end] = before;
                self.segment(end, ACK | PSH, &bytes);
            }
            // lost on its way to the firewall
            2 => self.next[end] = self.next[end].wrapping_add(bytes.len() as u32),
            _ => self.segment(end, ACK | PSH, &bytes),
        }
        if random.chance(40) {
            self.segment(1 - end, ACK, &[]);
        }
    }

    fn datagram(&mut self, random: &mut Random, end: usize, ports: [u16; 2], data: &[u8]) {
        let data = spoiled(random, data);
        let frame = self.hosts.from(end).udp(ports[0], ports[1]).payload(&data);
        self.sent.push(self.hosts.sent(end, &frame));
    }

    /// A connection of `end` to a port that was announced, or to one beside it; maybe an error about it.
    fn call(&mut self, random: &mut Random, end: usize, port: u16) {
        let port = if random.chance(80) { port } else { port.wrapping_add(1) };
        let mut called = self.called(random, end, port);
        let (hosts, ports) = (called.hosts, called.ports);
        match random.below(10) {
            0 => called.segment(0, SYN, &[]),
            1 => {
                called.segment(0, SYN, &[]);
                called.segment(1, RST | ACK, &[]);
            }
            _ => {
                called.open();
                called.segment(1, ACK | PSH, b"file");
                called.segment(0, FIN | ACK, &[]);
            }
        }
        if random.chance(25) {
            let quoted = hosts.from(0).tcp(ports[0], ports[1], SYN).packet();
            called.sent.extend(datagrams::error(random, &hosts, 0, &quoted));
        }
        self.sent.append(&mut called.sent);
    }

    /// A connection of `end` to a port of the other.
    fn called(&self, random: &mut Random, end: usize, port: u16) -> Self {
        let hosts = Hosts {
            caller: self.hosts.side(end),
            addresses: [self.hosts.addresses[end], self.hosts.addresses[1 - end]],
            ..self.hosts
        };
        let ports = [random.pick(&[20, 20, 42_000, 42_001]), port];
        Self { hosts, ports, next: [1, 7_000_000], sent: Vec::new() }
    }

    fn ftp(mut self, random: &mut Random) -> Vec<Sent> {
        self.open();
        self.say(random, 1, "220 ready\r\n");
        self.say(random, 0, "USER me\r\n");
        self.say(random, 1, "331 password\r\n");
        for _ in 0..1 + random.below(3) {
            let port = 1024 + random.below(4) as u16 + if random.chance(50) { 0 } else { 50_000 };
            let (high, low) = (port >> 8, port & 255);
            let family = if self.hosts.is_ipv6() { 2 } else { 1 };
            match random.below(4) {
                0 => {
                    let host = commas(self.announced(random, 0));
                    self.say(random, 0, &format!("PORT {host},{high},{low}\r\n"));
                    self.call(random, 1, port);
                }
                1 => {
                    let (host, bar) = (self.announced(random, 0), random.pick(&["|", "|", "!"]));
                    self.say(random, 0, &format!("EPRT {bar}{family}{bar}{host}{bar}{port}{bar}\r\n"));
                    self.call(random, 1, port);
                }
                2 => {
                    self.say(random, 0, "PASV\r\n");
                    let host = commas(self.announced(random, 1));
                    let way = random.pick(&["Entering Passive Mode (", "=", "ok ", ""]);
                    self.say(random, 1, &format!("227 {way}{host},{high},{low}).\r\n"));
                    self.call(random, 0, port);
                }
                _ => {
                    self.say(random, 0, "EPSV\r\n");
                    self.say(random, 1, &format!("229 Entering Extended Passive Mode (|||{port}|)\r\n"));
                    self.call(random, 0, port);
                }
            }
        }
        if random.chance(50) {
            self.segment(0, FIN | ACK, &[]);
            self.segment(1, FIN | ACK, &[]);
            self.segment(0, ACK, &[]);
        }
        self.sent
    }

    fn tftp(mut self, random: &mut Random) -> Vec<Sent> {
        let [client, server] = self.ports;
        for _ in 0..1 + random.below(2) {
            let request = [0, random.pick(&[1, 2, 1, 2, 3, 5]), b'f', 0, b'o', b'c', b't', b'e', b't', 0];
            self.datagram(random, 0, [client, server], &request);
            let other = 42_000 + random.below(2) as u16;
            let to = if random.chance(85) { client } else { client + 1 };
            self.datagram(random, 1, [other, to], b"\x00\x03\x00\x01data");
            self.datagram(random, 0, [client, other], b"\x00\x04\x00\x01");
            if random.chance(30) {
                let quoted = self.hosts.from(1).udp(other, client).payload(b"\x00\x03\x00\x01data").packet();
                self.sent.extend(datagrams::error(random, &self.hosts, 1, &quoted));
            }
        }
        self.sent
    }

    fn irc(mut self, random: &mut Random) -> Vec<Sent> {
        self.open();
        for _ in 0..1 + random.below(3) {
            let host = match self.announced(random, 0) {
                IpAddr::V4(host) => u32::from(host),
                IpAddr::V6(_) => 7,
            };
            let port = 1200 + random.below(4) as u16;
            let what = random.pick(&["SEND file", "CHAT chat", "MOVE x", "XMIT y"]);
            self.say(random, 0, &format!("PRIVMSG you :\x01DCC {what} {host} {port}\x01\r\n"));
            self.call(random, 1, port);
        }
        self.sent
    }

    fn sip(mut self, random: &mut Random) -> Vec<Sent> {
        let [client, server] = self.ports;
        let is_tcp = random.chance(30);
        if is_tcp {
            self.open();
        }
        let streams = [40_000 + 2 * random.below(4) as u16, 50_000 + 2 * random.below(4) as u16];
        for (end, stream) in streams.into_iter().enumerate() {
            let host = self.announced(random, end);
            let (word, mark) = if host.is_ipv6() { ("IP6", ["[", "]"]) } else { ("IP4", ["", ""]) };
            let first = match end {
                0 => {
                    random.pick(&["INVITE sip:b@x SIP/2.0", "UPDATE sip:b@x SIP/2.0", "ACK sip:b@x SIP/2.0"])
                }
                _ => random.pick(&["SIP/2.0 200 OK", "SIP/2.0 183 Progress", "SIP/2.0 486 Busy"]),
            };
            let body = format!(
                "v=0\r\no=- 1 1 IN {word} {host}\r\ns=-\r\nc=IN {word} {host}\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\n",
                stream
            );
            let text = format!(
                "{first}\r\nVia: SIP/2.0/UDP {}{host}{}:5060\r\nCSeq: 1 INVITE\r\nContent-Length: {}\r\n\r\n{body}",
                mark[0],
                mark[1],
                body.len()
            );
            if is_tcp {
                self.say(random, end, &text);
            } else {
                let ports = if end == 0 { [client, server] } else { [server, client] };
                self.datagram(random, end, ports, text.as_bytes());
            }
            let stream = stream + random.below(3) as u16;
            self.datagram(random, 1 - end, [4000, stream], b"sound");
            self.datagram(random, end, [stream, 4000], b"sound");
        }
        if random.chance(30) && !is_tcp {
            self.datagram(random, 0, [client, server], b"BYE sip:b@x SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n");
            self.datagram(random, 0, [4001, streams[1]], b"sound");
        }
        self.sent
    }

    fn amanda(mut self, random: &mut Random) -> Vec<Sent> {
        let [client, server] = self.ports;
        let ports = [1200, 1201, 1202].map(|port| port + random.below(2) as u16);
        let [data, message, index] = ports;
        let text = format!("Amanda 2.6\nCONNECT DATA {data} MESG {message} INDEX {index}\n");
        self.datagram(random, 0, [client, server], b"Amanda 2.6 REQ\n");
        self.datagram(random, 1, [server, client], text.as_bytes());
        for port in ports {
            self.call(random, 0, port);
        }
        self.sent
    }

    fn sane(mut self, random: &mut Random) -> Vec<Sent> {
        self.open();
        self.say(random, 0, "\x00\x00\x00\x07\x00\x00\x00\x00");
        let port = 1200 + random.below(3) as u16;
        let answer = [&[0; 4][..], &u32::from(port).to_be_bytes(), &[0; 4]].concat();
        self.segment(1, ACK | PSH, &answer);
        self.call(random, 0, port);
        self.sent
    }

    /// The address that an end names: its own, mostly.
    fn announced(&self, random: &mut Random, end: usize) -> IpAddr {
        let end = if random.chance(90) { end } else { 1 - end };
        self.hosts.addresses[end]
    }
}

/// As FTP writes an address before RFC 2428; what of IPv6 nobody can.
fn commas(host: IpAddr) -> String {
    host.to_string().replace(['.', ':'], ",")
}

/// With another byte, or cut off; seldom.
fn spoiled(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match random.below(24) {
        0 if !bytes.is_empty() => {
            let at = random.below(bytes.len());
            bytes[at] = random.pick(b"0159,|(). \r\nAz\x00\xff");
        }
        1 => bytes.truncate(random.below(bytes.len() + 1)),
        _ => {}
    }
    bytes
}
