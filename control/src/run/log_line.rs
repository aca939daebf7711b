//! What does the log say of a packet? A line as the kernel's LOG target writes it.

use config::Policy;
use config::policy::{Statement, Value};
use dataplane::object::LogRecord;
use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Writes a record to the program's log, at the level its rule asks for.
pub fn write(policy: &Policy, record: &LogRecord) {
    let statements = policy.rules.get(record.rule.index()).map(|rule| &rule.statements);
    let Some(Statement::Log(said)) = statements.and_then(|found| found.get(usize::from(record.statement)))
    else {
        return;
    };
    let level = match said.level {
        0..=3 => log::Level::Error,
        4 => log::Level::Warn,
        5 | 6 | 8 => log::Level::Info,
        _ => log::Level::Debug,
    };
    log::log!(target: "packet", level, "{}{}", said.prefix, Line(record));
}

/// A record in words.
struct Line<'a>(&'a LogRecord);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LogRecord { iif, oif, packet, head, mark, .. } = self.0;
        write!(f, "IN={} OUT={} MAC=", interface(*iif), interface(*oif))?;
        for (at, byte) in head[..12].iter().enumerate() {
            write!(f, "{}{byte:02x}", if at == 0 { "" } else { ":" })?;
        }
        write!(f, ":{:02x}:{:02x}", packet.ethertype >> 8, packet.ethertype & 0xff)?;
        let network = head.get(usize::from(packet.network_offset)..).unwrap_or_default();
        match (packet.ethertype, network) {
            (0x0800, [_, tos, _, _, id0, id1, flags, _, ttl, _, _, _, rest @ ..]) => {
                let address = |at: usize| rest.get(at..).and_then(|bytes| bytes.first_chunk::<4>());
                let [from, to] = [0, 4].map(|at| address(at).map_or(Ipv4Addr::UNSPECIFIED, |b| (*b).into()));
                let id = u16::from_be_bytes([*id0, *id1]);
                write!(f, " SRC={from} DST={to} LEN={} TOS=0x{:02X}", packet.network_length, tos & 0x1e)?;
                write!(f, " PREC=0x{:02X} TTL={ttl} ID={id}", tos & 0xe0)?;
                f.write_str(if flags & 0x40 == 0 { "" } else { " DF" })?;
            }
            (0x86dd, [_, _, _, _, _, _, _, hops, rest @ ..]) => {
                let address = |at: usize| rest.get(at..).and_then(|bytes| bytes.first_chunk::<16>());
                let [from, to] = [0, 16].map(|at| address(at).map_or(Ipv6Addr::UNSPECIFIED, |b| (*b).into()));
                write!(f, " SRC={from} DST={to} LEN={} HOPLIMIT={hops}", packet.network_length)?;
            }
            _ => write!(f, " MACPROTO={:04x}", packet.ethertype)?,
        }
        if packet.has_transport {
            let transport = head.get(usize::from(packet.transport_offset)..).unwrap_or_default();
            self.transport(f, packet.tuple.protocol, transport)?;
        }
        if *mark != 0 {
            write!(f, " MARK=0x{mark:x}")?;
        }
        Ok(())
    }
}

impl Line<'_> {
    fn transport(&self, f: &mut fmt::Formatter<'_>, protocol: u8, bytes: &[u8]) -> fmt::Result {
        let word = |at: usize| bytes.get(at..).and_then(|bytes| bytes.first_chunk::<2>());
        let word = |at| word(at).map_or(0, |bytes| u16::from_be_bytes(*bytes));
        let name = match protocol {
            1 => "ICMP",
            6 => "TCP",
            17 => "UDP",
            58 => "ICMPv6",
            132 => "SCTP",
            136 => "UDPLITE",
            _ => return write!(f, " PROTO={protocol}"),
        };
        write!(f, " PROTO={name}")?;
        match protocol {
            1 | 58 => {
                let [kind, code] = word(0).to_be_bytes();
                write!(f, " TYPE={kind} CODE={code}")
            }
            6 => {
                write!(f, " SPT={} DPT={} WINDOW={} RES=0x00", word(0), word(2), word(14))?;
                let flags = word(12);
                for (bit, name) in TCP_FLAGS {
                    if flags & bit != 0 {
                        f.write_char(' ')?;
                        f.write_str(name)?;
                    }
                }
                write!(f, " URGP={}", word(18))
            }
            _ => write!(f, " SPT={} DPT={}", word(0), word(2)),
        }
    }
}

/// In the order the kernel names them.
const TCP_FLAGS: [(u16, &str); 8] = [
    (0x80, "CWR"),
    (0x40, "ECE"),
    (0x20, "URG"),
    (0x10, "ACK"),
    (0x08, "PSH"),
    (0x04, "RST"),
    (0x02, "SYN"),
    (0x01, "FIN"),
];

/// The name of an interface; nothing if there is none.
fn interface(value: Option<Value>) -> String {
    let bytes = value.unwrap_or(0).to_be_bytes();
    let name: Vec<u8> = bytes.into_iter().take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Line;
    use config::policy::{RuleId, interface_value};
    use dataplane::object::{LogRecord, Now};
    use dataplane::packet;

    #[test]
    fn a_syn_as_the_kernel_writes_it() {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        frame.extend([0x45, 0, 0, 40, 0, 7, 0x40, 0, 64, 6, 0x4e, 0x92, 192, 0, 2, 1, 198, 51, 100, 2]);
        frame.extend([0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x72, 0x10, 0, 0, 0, 0]);
        let record = LogRecord {
            rule: RuleId(0),
            statement: 0,
            now: Now::default(),
            iif: interface_value("eth0"),
            oif: None,
            mark: 1,
            packet: packet::parse(&frame[..]),
            head: LogRecord::head_of(&frame[..]),
        };
        assert_eq!(
            Line(&record).to_string(),
            "IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=192.0.2.1 DST=198.51.100.2 LEN=40 \
             TOS=0x00 PREC=0x00 TTL=64 ID=7 DF PROTO=TCP SPT=12345 DPT=80 WINDOW=29200 RES=0x00 SYN URGP=0 MARK=0x1"
        );
    }
}
