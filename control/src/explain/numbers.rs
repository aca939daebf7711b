//! What did the tracker hold against a packet, in numbers?

use super::course::{Explained, Seen};
use dataplane::packet::protocol;
use dataplane::reason::Reason;
use dataplane::track::tcp::Side;
use dataplane::track::{Direction, Protocol, Status};
use serde::Serialize;

/// A flow at one moment; its JSON keys are stable.
#[derive(Debug, Serialize)]
pub struct FlowReport {
    pub protocol: &'static str,
    /// The state of the protocol's machine, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    pub seen_reply: bool,
    pub assured: bool,
    pub mark: u32,
    pub ends_in_ms: u32,
    /// What has gone to and fro, if the rules want it counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<[TrafficReport; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<SideReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<SideReport>,
}

/// What one side of a TCP connection sent and may send.
#[derive(Debug, Serialize)]
pub struct SideReport {
    pub end: u32,
    pub max_end: u32,
    pub max_window: u32,
    pub max_ack: u32,
    pub scale: u8,
}

/// What went one way of a flow: the original direction stands first, the reply second.
#[derive(Debug, Serialize)]
pub struct TrafficReport {
    pub packets: u64,
    pub bytes: u64,
}

impl FlowReport {
    pub fn of(seen: &Seen) -> Self {
        let flow = &seen.flow;
        let (protocol, state, sides) = match flow.protocol() {
            Protocol::Generic => ("generic", None, None),
            Protocol::Udp => ("udp", None, None),
            Protocol::UdpLite => ("udplite", None, None),
            Protocol::Icmp => ("icmp", None, None),
            Protocol::Icmpv6 => ("icmpv6", None, None),
            Protocol::Gre(_) => ("gre", None, None),
            Protocol::Tcp(tcp) => {
                let sides = [Direction::Original, Direction::Reply].map(|way| SideReport::of(tcp.side(way)));
                ("tcp", Some(tcp.state().label()), Some(sides))
            }
            Protocol::Sctp(association) => ("sctp", Some(association.state().label()), None),
            #[expect(unreachable_patterns, reason = "protocols may join")]
            _ => ("other", None, None),
        };
        let (original, reply) = sides.map_or((None, None), |[original, reply]| (Some(original), Some(reply)));
        let (status, traffic) = (flow.status(), seen.extra.traffic);
        Self {
            protocol,
            state,
            seen_reply: status.has(Status::SEEN_REPLY),
            assured: status.has(Status::ASSURED),
            mark: flow.mark,
            ends_in_ms: seen.left,
            traffic: traffic.is_counted().then(|| {
                [Direction::Original, Direction::Reply]
                    .map(|way| TrafficReport { packets: traffic.packets(way), bytes: traffic.bytes(way) })
            }),
            original,
            reply,
        }
    }
}

impl SideReport {
    const fn of(side: &Side) -> Self {
        Self {
            end: side.end.0,
            max_end: side.max_end.0,
            max_window: side.max_window,
            max_ack: side.max_ack.0,
            scale: side.scale,
        }
    }
}

/// The comparison that failed, with its numbers, where there is one.
pub fn bound(explained: &Explained) -> Option<String> {
    let tcp = &explained.packet.tcp;
    if explained.packet.tuple.protocol != protocol::TCP {
        return None;
    }
    let (before, direction) = (explained.before?, explained.direction?);
    let Protocol::Tcp(connection) = before.flow.protocol() else { return None };
    let (sender, receiver) = (connection.side(direction), connection.side(direction.reversed()));
    Some(match explained.decided.reason {
        Reason::TcpSequenceAbove => format!(
            "(I) sequence {} <= sender's max_end {}: beyond it by {}",
            tcp.sequence,
            sender.max_end.0,
            tcp.sequence.wrapping_sub(sender.max_end.0)
        ),
        Reason::TcpAckAbove => format!(
            "(III) acknowledgement {} <= receiver's end {}: beyond it by {}",
            tcp.acknowledgement,
            receiver.end.0,
            tcp.acknowledgement.wrapping_sub(receiver.end.0)
        ),
        Reason::TcpResetSequence => format!(
            "RST: sequence {} >= receiver's max_ack {}: below it by {}",
            tcp.sequence,
            receiver.max_ack.0,
            receiver.max_ack.0.wrapping_sub(tcp.sequence)
        ),
        Reason::TcpResetAck => {
            format!("RST: acknowledgement {} = receiver's end {}", tcp.acknowledgement, receiver.end.0)
        }
        Reason::TcpState | Reason::TcpSynInFlow => {
            format!(
                "state {}: not allowed {}",
                connection.state().label(),
                match direction {
                    Direction::Original => "in the original direction",
                    Direction::Reply => "in the reply direction",
                }
            )
        }
        _ => return None,
    })
}
