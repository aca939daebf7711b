//! Why was a packet dropped, or called invalid? The one list: counter, label, log word and table of the docs.

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal,)*) => {
        /// Why a packet was dropped or called invalid.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Reason {
            /// Every reason, in the order of its number.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it in counters, logs and verdict files.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// One sentence for the reader of the docs.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+),)* }
            }
        }
    };
}

reasons! {
    // Decisions
    /// A rule decided.
    Rule = "rule",
    /// No rule decided; the policy of the base chain did.
    Policy = "policy",
    /// No base chain sees packets of this kind.
    NoChain = "no-chain",
    /// The flow table had no room within its probe window for the new flow.
    TableFull = "table-full",
    /// The queue to the worker that owns the flow was full.
    HandoverFull = "handover-full",
    /// The transmit queue did not take the packet.
    TransmitFull = "transmit-full",
    /// A packet that a helper reads says half of what it announces, or is longer than is read, or takes more steps.
    HelperPartial = "helper-partial",
    /// A connection that a helper reads of cannot be expected: another connection announced the same, or there is no room.
    HelperExpectation = "helper-expectation",
    /// GRE between the ends of a control connection of PPTP, or a call that one announces, where it cannot be told what the
    /// kernel knows of it.
    HelperUnsure = "helper-unsure",
    /// A limit on connections, where it cannot be told how many the kernel would count.
    ConnectionsUnsure = "connections-unsure",
    /// A fragment whose datagram did not become whole in time.
    FragmentTimeout = "fragment-timeout",
    /// A fragment of a datagram two fragments of which overlap.
    FragmentOverlap = "fragment-overlap",
    /// A fragment whose bytes have all come before.
    FragmentDuplicate = "fragment-duplicate",
    /// A fragment that is cut off, empty, too far out, or contradicts the others of its datagram.
    FragmentMalformed = "fragment-malformed",
    /// A fragment of a datagram between whose fragments too many others of the same sender came.
    FragmentDistance = "fragment-distance",
    /// There was no room for the fragment, or its datagram has too many.
    FragmentOverflow = "fragment-overflow",

    // Below IP, and IP headers: dropped before any rule, as the kernel's IP layer does.
    /// The frame ends within its Ethernet header or its VLAN tags.
    EthernetTruncated = "ethernet-truncated",
    /// The frame ends within the IPv4 header.
    Ipv4HeaderTruncated = "ipv4-header-truncated",
    /// The version field of an IPv4 packet is not 4.
    Ipv4Version = "ipv4-version",
    /// The IPv4 header length is below 20 bytes.
    Ipv4HeaderLength = "ipv4-header-length",
    /// The IPv4 total length is below the header length.
    Ipv4TotalLength = "ipv4-total-length",
    /// The frame ends before the IPv4 total length.
    Ipv4Truncated = "ipv4-truncated",
    /// The IPv4 header checksum is wrong.
    Ipv4Checksum = "ipv4-checksum",
    /// The frame ends within the IPv6 header.
    Ipv6HeaderTruncated = "ipv6-header-truncated",
    /// The version field of an IPv6 packet is not 6.
    Ipv6Version = "ipv6-version",
    /// The frame ends before the IPv6 payload length.
    Ipv6Truncated = "ipv6-truncated",
    /// The IPv6 hop-by-hop options header is malformed.
    Ipv6HopByHop = "ipv6-hop-by-hop",

    // Behind the IP header: the packet meets the rules as `ct state invalid`.
    /// An IPv6 extension header is cut off or malformed.
    Ipv6Extension = "ipv6-extension",
    /// An IPv6 packet without a transport header (next header 59).
    Ipv6NoNextHeader = "ipv6-no-next-header",
    /// The header of a fragment is malformed.
    FragmentHeader = "fragment-header",
    /// The TCP header is cut off.
    TcpTruncated = "tcp-truncated",
    /// The TCP data offset is below 20 bytes or beyond the packet.
    TcpDataOffset = "tcp-data-offset",
    /// The TCP checksum is wrong.
    TcpChecksum = "tcp-checksum",
    /// The combination of TCP flags is not a valid one.
    TcpFlags = "tcp-flags",
    /// The UDP header is cut off.
    UdpTruncated = "udp-truncated",
    /// The UDP length is below 8 bytes or beyond the packet.
    UdpLength = "udp-length",
    /// The UDP checksum is wrong.
    UdpChecksum = "udp-checksum",
    /// The UDP-Lite header is cut off or its coverage is impossible.
    UdpLiteLength = "udplite-length",
    /// The UDP-Lite checksum is wrong or absent.
    UdpLiteChecksum = "udplite-checksum",
    /// The ICMP header is cut off.
    IcmpTruncated = "icmp-truncated",
    /// The ICMP checksum is wrong.
    IcmpChecksum = "icmp-checksum",
    /// The ICMP type is none the tracker knows.
    IcmpType = "icmp-type",
    /// The ICMPv6 header is cut off.
    Icmpv6Truncated = "icmpv6-truncated",
    /// The ICMPv6 checksum is wrong.
    Icmpv6Checksum = "icmpv6-checksum",
    /// The SCTP header or a chunk is cut off or malformed.
    SctpChunk = "sctp-chunk",
    /// The SCTP CRC32c is wrong.
    SctpChecksum = "sctp-checksum",
    /// A GRE header of version 1 that does not carry PPP.
    GreProtocol = "gre-protocol",

    // Connection tracking: the packet meets the rules as `ct state invalid`.
    /// A TCP packet that is no SYN and belongs to no flow.
    TcpNoFlow = "tcp-no-flow",
    /// The TCP state machine does not allow the packet in this state.
    TcpState = "tcp-state",
    /// (I) The sequence number lies above the receiver's window.
    TcpSequenceAbove = "tcp-sequence-above-window",
    /// (III) The acknowledgement is of data not yet seen.
    TcpAckAbove = "tcp-ack-above-window",
    /// The sequence number of a RST lies below the highest acknowledgement of its receiver.
    TcpResetSequence = "tcp-reset-sequence",
    /// The acknowledgement of a RST that refuses a connection does not fit the SYN.
    TcpResetAck = "tcp-reset-ack",
    /// A SYN or SYN+ACK into a live flow, from the side that may not send it.
    TcpSynInFlow = "tcp-syn-in-flow",
    /// An ICMP reply to no request.
    IcmpNoRequest = "icmp-no-request",
    /// An ICMP error whose quoted packet is cut off or malformed.
    IcmpErrorInner = "icmp-error-inner",
    /// An ICMP error about no known flow.
    IcmpErrorNoFlow = "icmp-error-no-flow",
    /// An ICMP error not addressed to the sender of the quoted packet.
    IcmpErrorAddress = "icmp-error-address",
    /// An SCTP packet that starts no association and belongs to none.
    SctpNoFlow = "sctp-no-flow",
    /// The SCTP state machine does not allow the packet in this state.
    SctpState = "sctp-state",
    /// The SCTP verification tag is not the association's.
    SctpTag = "sctp-tag",
}

impl Reason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use std::collections::HashSet;

    #[test]
    fn labels_are_words_and_unique() {
        let labels: HashSet<_> = Reason::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Reason::COUNT);
        for (number, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, number);
            let label = reason.label();
            assert!(
                label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                "{label}"
            );
            assert!(reason.description().trim().ends_with('.'));
        }
    }
}
