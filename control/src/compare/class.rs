//! What kind of traffic is a packet on which two rulesets differ? Named after what a network engineer calls it.

use crate::replay::Record;
use dataplane::io::Side;
use dataplane::packet::{Network, flag, protocol};
use dataplane::track::CtState;
use dataplane::{Packet, Reason};

macro_rules! classes {
    ($($name:ident, $label:literal, $title:literal;)*) => {
        /// A kind of traffic.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class {
            $(#[doc = $title] $name,)*
        }

        impl Class {
            /// Its name in JSON.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// Its name for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

classes! {
    AckWithoutConnection, "ack-without-connection", "an ACK without a connection";
    SynAckWithoutSyn, "syn-ack-without-syn", "a SYN+ACK to no SYN";
    FinProbe, "fin-probe", "a FIN probe";
    NullProbe, "null-probe", "a NULL probe (no flag)";
    XmasProbe, "xmas-probe", "an Xmas probe (FIN, PSH, URG)";
    MaimonProbe, "maimon-probe", "a FIN+ACK without a connection (Maimon probe)";
    ImpossibleFlags, "impossible-flags", "an impossible combination of TCP flags";
    RstWithoutConnection, "rst-without-connection", "a RST without a connection";
    OutOfWindowRst, "out-of-window-rst", "a RST outside the window of its connection";
    OutOfWindowData, "out-of-window-data", "a segment outside the window of its connection";
    SynInConnection, "syn-in-connection", "a SYN inside a live connection";
    TcpOutOfState, "tcp-out-of-state", "a segment its connection does not allow now";
    IcmpReplyUnsolicited, "icmp-reply-unsolicited", "an ICMP reply to no request";
    IcmpErrorUnrelated, "icmp-error-unrelated", "an ICMP error about no connection";
    UdpReplyUnsolicited, "udp-reply-unsolicited", "a UDP reply nobody asked for";
    NewTcpFromInside, "new-tcp-from-inside", "a new TCP connection from the protected side";
    NewUdpFromInside, "new-udp-from-inside", "a new UDP flow from the protected side";
    NewIcmpFromInside, "new-icmp-from-inside", "an ICMP request from the protected side";
    NewOtherFromInside, "new-other-from-inside", "a new flow of another protocol from the protected side";
    NewTcpFromOutside, "new-tcp-from-outside", "a new TCP connection from outside";
    NewUdpFromOutside, "new-udp-from-outside", "a new UDP flow from outside";
    NewIcmpFromOutside, "new-icmp-from-outside", "an ICMP request from outside";
    NewOtherFromOutside, "new-other-from-outside", "a new flow of another protocol from outside";
    Established, "established", "a packet of a connection";
    Related, "related", "an ICMP error about a connection";
    NeighbourDiscovery, "untracked", "an untracked packet (neighbour discovery, notrack)";
    Malformed, "malformed", "a malformed packet";
    Fragment, "fragment", "a fragment";
    NotIp, "not-ip", "a frame that is not IP";
    Other, "other", "another packet";
}

impl Class {
    /// The kind of a packet, by what the data path that tracked it said (the first that did, of the two), and by
    /// its headers.
    pub fn of(packet: &Packet, side: Side, records: [&Record; 2]) -> Self {
        if packet.tuple.network == Network::Other {
            return if packet.fault.is_some() { Self::Malformed } else { Self::NotIp };
        }
        let tracked = records.into_iter().find(|record| record.ct != CtState::None);
        if !packet.fragment.is_whole() {
            return Self::Fragment;
        }
        match tracked.map_or(CtState::None, |record| record.ct) {
            CtState::New => Self::new_flow(packet, side),
            CtState::Established => Self::Established,
            CtState::Related => Self::Related,
            CtState::Untracked => Self::NeighbourDiscovery,
            CtState::Invalid => Self::invalid(packet, tracked.map_or(Reason::Rule, |record| record.reason)),
            CtState::None if packet.fault.is_some() => Self::Malformed,
            CtState::None => Self::untracked(packet, side),
        }
    }

    fn new_flow(packet: &Packet, side: Side) -> Self {
        let tuple = &packet.tuple;
        match (side, tuple.protocol) {
            (Side::Inside, protocol::TCP) => Self::NewTcpFromInside,
            (Side::Inside, protocol::UDP) => Self::NewUdpFromInside,
            (Side::Inside, protocol::ICMP | protocol::ICMPV6) => Self::NewIcmpFromInside,
            (Side::Inside, _) => Self::NewOtherFromInside,
            (Side::Outside, protocol::TCP) => Self::NewTcpFromOutside,
            // from a service's port to a client's: it looks like an answer
            (Side::Outside, protocol::UDP) if tuple.source_port < 1024 && tuple.destination_port >= 1024 => {
                Self::UdpReplyUnsolicited
            }
            (Side::Outside, protocol::UDP) => Self::NewUdpFromOutside,
            (Side::Outside, protocol::ICMP | protocol::ICMPV6) => Self::NewIcmpFromOutside,
            (Side::Outside, _) => Self::NewOtherFromOutside,
        }
    }

    fn invalid(packet: &Packet, reason: Reason) -> Self {
        match reason {
            Reason::TcpNoFlow | Reason::TcpFlags => Self::by_flags(packet.tcp.flags),
            Reason::TcpResetSequence | Reason::TcpResetAck => Self::OutOfWindowRst,
            Reason::TcpSequenceAbove | Reason::TcpAckAbove if packet.tcp.flags & flag::RST != 0 => {
                Self::OutOfWindowRst
            }
            Reason::TcpSequenceAbove | Reason::TcpAckAbove => Self::OutOfWindowData,
            Reason::TcpSynInFlow => Self::SynInConnection,
            Reason::TcpState => Self::TcpOutOfState,
            Reason::IcmpNoRequest => Self::IcmpReplyUnsolicited,
            Reason::IcmpErrorNoFlow | Reason::IcmpErrorAddress | Reason::IcmpErrorInner => {
                Self::IcmpErrorUnrelated
            }
            _ if packet.fault.is_some() => Self::Malformed,
            _ => Self::Other,
        }
    }

    /// A TCP packet that no connection stands behind.
    fn by_flags(flags: u8) -> Self {
        const PROBES: u8 = flag::FIN | flag::SYN | flag::RST | flag::ACK | flag::PSH | flag::URG;
        match flags & PROBES {
            0 => Self::NullProbe,
            flag::FIN => Self::FinProbe,
            bits if bits == flag::FIN | flag::PSH | flag::URG => Self::XmasProbe,
            bits if bits & (flag::SYN | flag::RST | flag::FIN) == flag::RST => Self::RstWithoutConnection,
            bits if bits & !(flag::PSH | flag::URG) == flag::FIN | flag::ACK => Self::MaimonProbe,
            bits if bits & !flag::PSH == flag::SYN | flag::ACK => Self::SynAckWithoutSyn,
            bits if bits & !(flag::PSH | flag::URG) == flag::ACK => Self::AckWithoutConnection,
            _ => Self::ImpossibleFlags,
        }
    }

    /// Where neither ruleset asks for state, only the headers tell.
    fn untracked(packet: &Packet, side: Side) -> Self {
        let flags = packet.tcp.flags;
        match packet.tuple.protocol {
            protocol::TCP if flags & (flag::SYN | flag::ACK) != flag::SYN => Self::by_flags(flags),
            _ if packet.is_icmp_error() => Self::IcmpErrorUnrelated,
            _ => Self::new_flow(packet, side),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class;
    use dataplane::packet::flag::{ACK, FIN, PSH, RST, SYN, URG};

    #[test]
    fn every_scan_of_nmap_has_its_name() {
        for (flags, class) in [
            (ACK, Class::AckWithoutConnection),
            (PSH | ACK, Class::AckWithoutConnection),
            (FIN, Class::FinProbe),
            (0, Class::NullProbe),
            (FIN | PSH | URG, Class::XmasProbe),
            (FIN | ACK, Class::MaimonProbe),
            (SYN | ACK, Class::SynAckWithoutSyn),
            (RST, Class::RstWithoutConnection),
            (RST | ACK, Class::RstWithoutConnection),
            (SYN | FIN, Class::ImpossibleFlags),
            (SYN | RST, Class::ImpossibleFlags),
        ] {
            assert_eq!(Class::by_flags(flags), class, "{flags:#x}");
        }
    }
}
