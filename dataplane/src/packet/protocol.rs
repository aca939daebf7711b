//! Which number means which protocol? Those the tracker knows (IANA protocol numbers).

/// ICMP for IPv4, RFC 792.
pub const ICMP: u8 = 1;
/// TCP, RFC 9293.
pub const TCP: u8 = 6;
/// UDP, RFC 768.
pub const UDP: u8 = 17;
/// DCCP, RFC 4340.
pub const DCCP: u8 = 33;
/// GRE, RFC 2784.
pub const GRE: u8 = 47;
/// ESP, RFC 4303.
pub const ESP: u8 = 50;
/// AH, RFC 4302.
pub const AH: u8 = 51;
/// ICMPv6, RFC 4443.
pub const ICMPV6: u8 = 58;
/// SCTP, RFC 9260.
pub const SCTP: u8 = 132;
/// UDP-Lite, RFC 3828.
pub const UDPLITE: u8 = 136;

/// Whether the transport header opens with two L4 ports.
pub(super) const fn has_ports(number: u8) -> bool {
    matches!(number, TCP | UDP | SCTP | UDPLITE)
}
