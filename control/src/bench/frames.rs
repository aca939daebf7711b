//! What does a frame of the bench look like? Headers written anew for every packet, checksums included.

use dataplane::packet::flag;

/// Who talks to whom, and what a frame says.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    /// IPv6 in place of IPv4.
    pub v6: bool,
    /// UDP in place of TCP.
    pub udp: bool,
    /// The end outside: host part of its address.
    pub client: u32,
    /// L4 port outside.
    pub client_port: u16,
    /// L4 port inside.
    pub server_port: u16,
    /// It comes from the end inside.
    pub from_server: bool,
    /// TCP sequence number.
    pub sequence: u32,
    /// TCP acknowledgement number.
    pub acknowledgement: u32,
    /// TCP flags.
    pub flags: u8,
}

/// The shortest frame, without frame check sequence.
pub const SHORTEST: usize = 60;
/// The shortest with IPv6 and TCP and a little payload.
pub const SHORTEST_V6: usize = 80;

/// Bytes of Ethernet, IP and TCP headers.
pub const fn headers(v6: bool) -> usize {
    if v6 { 74 } else { 54 }
}

/// Bytes of payload in a TCP segment of a frame of `length` bytes.
pub const fn payload(v6: bool, length: usize) -> u32 {
    (length - headers(v6)) as u32
}

const OUTSIDE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const INSIDE_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// 192.0.2.10, the protected host.
const SERVER_V4: u32 = 0xc000_020a;
/// 2001:db8:2::10.
const SERVER_V6: [u32; 4] = [0x2001_0db8, 0x0002_0000, 0, 0x10];
/// Clients are in 16.0.0.0/4 and 2001:db8:1::/96.
const CLIENTS_V4: u32 = 0x1000_0000;
const CLIENTS_V6: [u32; 3] = [0x2001_0db8, 0x0001_0000, 0];

impl Segment {
    /// Writes the headers over a whole frame of zeroes, or one that was written before.
    #[inline]
    pub fn write(&self, frame: &mut [u8]) {
        match frame.split_first_chunk_mut() {
            Some((head, rest)) if !self.v6 && !self.udp => {
                self.write_tcp_v4(head, rest.len());
                if !rest.is_empty() {
                    clear(rest);
                }
            }
            _ => self.write_any(frame),
        }
    }

    /// TCP over IPv4, of which there is most: headers are put together in registers, 16 bytes at a time. `more` bytes
    /// follow.
    #[inline]
    fn write_tcp_v4(&self, frame: &mut [u8; SHORTEST], more: usize) {
        const IP: u64 = 0x4500 + 0x4000 + 0x4006;
        const CONTROL: u64 = 0x5000 << 16 | 0xfff0;
        let length = (SHORTEST - 14 + more) as u64;
        let client = CLIENTS_V4 | self.client & 0x0fff_ffff;
        let (first, source, destination, ports) = if self.from_server {
            (STARTS[1], SERVER_V4, client, [self.server_port, self.client_port])
        } else {
            (STARTS[0], client, SERVER_V4, [self.client_port, self.server_port])
        };
        let [source, destination] = [source, destination].map(u64::from);
        let ports = u64::from(ports[0]) << 16 | u64::from(ports[1]);
        let (sequence, acknowledgement) = (u64::from(self.sequence), u64::from(self.acknowledgement));
        let control = CONTROL | u64::from(self.flags) << 16;
        let addresses = source + destination;
        let of_ip = u64::from(checksum(IP + length + addresses));
        let of_tcp = addresses + 6 + length - 20 + ports + sequence + acknowledgement + control;
        let of_tcp = u64::from(checksum(of_tcp));
        let second = [
            length << 48 | 0x4000_4006,
            of_ip << 48 | source << 16 | destination >> 16,
            destination << 48 | ports << 16 | sequence >> 16,
            sequence << 48 | acknowledgement << 16 | control >> 16,
        ];
        frame[..16].copy_from_slice(&first);
        for (place, word) in frame[16..48].as_chunks_mut::<8>().0.iter_mut().zip(second) {
            *place = word.to_be_bytes();
        }
        frame[48..52].copy_from_slice(&((control << 16 | of_tcp) as u32).to_be_bytes());
        frame[52..].copy_from_slice(&[0; SHORTEST - 52]);
    }

    #[inline(never)]
    fn write_any(&self, frame: &mut [u8]) {
        let (to, from) = if self.from_server { (OUTSIDE_MAC, INSIDE_MAC) } else { (INSIDE_MAC, OUTSIDE_MAC) };
        frame[..6].copy_from_slice(&to);
        frame[6..12].copy_from_slice(&from);
        // the buffer may have held longer headers; behind the longest there is nothing but zeroes
        let longest = frame.len().min(headers(true));
        frame[34..longest].fill(0);
        if self.v6 { self.write_v6(frame) } else { self.write_v4(frame) }
    }

    fn write_v4(&self, frame: &mut [u8]) {
        let length = (frame.len() - 14) as u32;
        let client = CLIENTS_V4 | self.client & 0x0fff_ffff;
        let (source, destination) = if self.from_server { (SERVER_V4, client) } else { (client, SERVER_V4) };
        let protocol = self.protocol();
        let words = [0x4500_0000 | length, 0x0000_4000, 0x4000_0000 | protocol << 16, source, destination];
        let sum = checksum(words.iter().map(|word| u64::from(*word)).sum());
        let words = [words[0], words[1], words[2] | u32::from(sum), source, destination];
        frame[12..14].copy_from_slice(&[8, 0]);
        for (place, word) in frame[14..34].as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        let pseudo = u64::from(source) + u64::from(destination) + u64::from(protocol);
        self.write_transport(&mut frame[34..], pseudo);
    }

    fn write_v6(&self, frame: &mut [u8]) {
        let length = (frame.len() - 54) as u32;
        let client = [CLIENTS_V6[0], CLIENTS_V6[1], CLIENTS_V6[2], self.client];
        let (source, destination) = if self.from_server { (SERVER_V6, client) } else { (client, SERVER_V6) };
        let protocol = self.protocol();
        let head = [0x6000_0000, length << 16 | protocol << 8 | 64];
        frame[12..14].copy_from_slice(&[0x86, 0xdd]);
        let words = head.iter().chain(&source).chain(&destination);
        for (place, word) in frame[14..54].as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
        let pseudo: u64 = source.iter().chain(&destination).map(|word| u64::from(*word)).sum();
        self.write_transport(&mut frame[54..], pseudo + u64::from(protocol));
    }

    #[inline]
    fn write_transport(&self, bytes: &mut [u8], pseudo: u64) {
        let length = bytes.len() as u64;
        let (source, destination) = if self.from_server {
            (self.server_port, self.client_port)
        } else {
            (self.client_port, self.server_port)
        };
        let ports = u32::from(source) << 16 | u32::from(destination);
        if self.udp {
            let sum = pseudo + u64::from(ports) + 2 * length;
            bytes[..4].copy_from_slice(&ports.to_be_bytes());
            bytes[4..8].copy_from_slice(&((length as u32) << 16 | u32::from(checksum(sum))).to_be_bytes());
            return;
        }
        let control = 0x5000_0000 | u32::from(self.flags) << 16 | 0xfff0;
        let sum = pseudo
            + length
            + u64::from(ports)
            + u64::from(self.sequence)
            + u64::from(self.acknowledgement)
            + u64::from(control);
        let words = [ports, self.sequence, self.acknowledgement, control, u32::from(checksum(sum)) << 16];
        for (place, word) in bytes[..20].as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_be_bytes();
        }
    }

    const fn protocol(&self) -> u32 {
        if self.udp { 17 } else { 6 }
    }
}

/// What shorter headers than those before left behind: `rest` is what follows the shortest frame.
#[inline(never)]
fn clear(rest: &mut [u8]) {
    let longest = rest.len().min(headers(true) - SHORTEST);
    rest[..longest].fill(0);
}

/// How frames of TCP over IPv4 start, from outside and from inside: Ethernet, and two bytes of IP.
const STARTS: [[u8; 16]; 2] = [start(INSIDE_MAC, OUTSIDE_MAC), start(OUTSIDE_MAC, INSIDE_MAC)];

const fn start(to: [u8; 6], from: [u8; 6]) -> [u8; 16] {
    let mut start = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45, 0];
    let mut at = 0;
    while at < 6 {
        (start[at], start[6 + at]) = (to[at], from[at]);
        at += 1;
    }
    start
}

/// The Internet checksum (RFC 1071) of what sums up to this, in words of 32 bits.
#[inline]
const fn checksum(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    !(sum as u16)
}

/// Flags of a segment with data.
pub const DATA: u8 = flag::ACK | flag::PSH;

#[cfg(test)]
mod tests {
    use super::{DATA, Segment};
    use dataplane::packet::parse;

    #[test]
    fn every_frame_is_without_fault() {
        for number in 0..64_u32 {
            let segment = Segment {
                v6: number & 1 != 0,
                udp: number & 2 != 0,
                client: number.wrapping_mul(0x9e37_79b1),
                client_port: 1024 + number as u16,
                server_port: 80,
                from_server: number & 4 != 0,
                sequence: number << 26,
                acknowledgement: u32::MAX - number,
                flags: DATA,
            };
            for length in [60, 61, 74, 75, 570, 1514] {
                let mut frame = vec![0; length];
                let is_long = length >= super::headers(true);
                let segment = Segment { v6: segment.v6 && is_long, ..segment };
                Segment { v6: is_long, udp: false, ..segment }.write(&mut frame);
                segment.write(&mut frame);
                let payload = super::headers(segment.v6) - if segment.udp { 12 } else { 0 };
                assert!(frame[payload..].iter().all(|byte| *byte == 0), "{segment:?}, {length} bytes");
                let packet = parse(&frame[..]);
                assert_eq!(packet.fault, None, "{segment:?}, {length} bytes");
                assert_eq!(packet.network_length as usize, length - 14);
                let server = if segment.from_server {
                    packet.tuple.source_port
                } else {
                    packet.tuple.destination_port
                };
                assert_eq!(server, 80);
            }
        }
    }
}
