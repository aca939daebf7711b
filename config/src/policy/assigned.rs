//! What can a rule give to a connection that begins? A zone, a helper, timeouts of its own.

use super::{HelperId, TimeoutsId};

/// What a rule gives to the connection a packet begins. A connection that is known already keeps what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Assigned {
    /// `ct helper set`, behind connection tracking: the first one counts, and only for its own protocol.
    Helper(HelperId),
    /// `ct timeout set`, behind connection tracking: the last one counts, and only for its own protocol.
    Timeouts(TimeoutsId),
    /// The target `CT` of iptables, before connection tracking: the first one counts, and it and `notrack` exclude
    /// each other.
    Template {
        /// The zone in which the packet's connection is looked for.
        zone: u16,
        /// The helper a new connection gets, unless it was expected.
        helper: Option<HelperKind>,
    },
}

/// A protocol whose connections announce others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum HelperKind {
    /// FTP: PORT, EPRT and the answers to PASV and EPSV.
    Ftp,
    /// TFTP: the answer comes from a port of its own.
    Tftp,
    /// IRC: DCC, from client to client.
    Irc,
    /// Amanda: the answer to a backup server names three or four ports.
    Amanda,
    /// SANE: the answer to a scan names a port.
    Sane,
    /// SIP: calls, and telephones that are registered.
    Sip,
    /// NetBIOS name service: answers to what the host itself asks of everybody. Of packets on a wire it reads nothing.
    NetbiosNs,
    /// SNMP: likewise.
    Snmp,
    /// PPTP: GRE of a call, by the numbers that both ends give it.
    Pptp,
    /// RAS of H.323: what endpoints and gatekeepers say to one another.
    Ras,
    /// Q.931 of H.323: calls.
    Q931,
    /// H.245 of H.323: channels for media. Only a connection that Q.931 announces is read so.
    H245,
}

impl HelperKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 12] = [
        Self::Ftp,
        Self::Tftp,
        Self::Irc,
        Self::Amanda,
        Self::Sane,
        Self::Sip,
        Self::NetbiosNs,
        Self::Snmp,
        Self::Pptp,
        Self::Ras,
        Self::Q931,
        Self::H245,
    ];

    /// Those that rules may give to a connection.
    pub fn assignable() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::H245)
    }

    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Tftp => "tftp",
            Self::Irc => "irc",
            Self::Amanda => "amanda",
            Self::Sane => "sane",
            Self::Sip => "sip",
            Self::NetbiosNs => "netbios-ns",
            Self::Snmp => "snmp",
            Self::Pptp => "pptp",
            Self::Ras => "RAS",
            Self::Q931 => "Q.931",
            Self::H245 => "H.245",
        }
    }

    /// The transport protocols it speaks.
    #[must_use]
    pub const fn protocols(self) -> &'static [u8] {
        match self {
            Self::Ftp | Self::Irc | Self::Sane | Self::Pptp | Self::Q931 | Self::H245 => &[6],
            Self::Tftp | Self::Amanda | Self::NetbiosNs | Self::Snmp | Self::Ras => &[17],
            Self::Sip => &[17, 6],
        }
    }

    /// Whether it speaks this transport protocol.
    #[must_use]
    pub fn speaks(self, protocol: u8) -> bool {
        self.protocols().contains(&protocol)
    }

    /// Whether it is for IPv4 only.
    #[must_use]
    pub const fn is_of_ipv4(self) -> bool {
        matches!(self, Self::Irc | Self::NetbiosNs | Self::Snmp | Self::Pptp)
    }
}

/// A helper that rules assign: `ct helper`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// Its name.
    pub name: String,
    /// What it understands.
    pub kind: HelperKind,
    /// Over which transport protocol.
    pub protocol: u8,
    /// Whether it is for IPv4 and for IPv6.
    pub families: [bool; 2],
}

/// Timeouts that rules assign: `ct timeout`. What they do not name is as in Linux by default, whatever the settings
/// say: nft tells the kernel so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionTimeouts {
    /// Their name.
    pub name: String,
    /// The transport protocol, 6 or 17.
    pub protocol: u8,
    /// Seconds by state.
    pub values: Vec<(TimeoutState, u32)>,
}

macro_rules! timeout_states {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $protocol:literal;)*) => {
        /// A state that has a timeout of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum TimeoutState {$($(#[$doc])* $name,)*}

        impl TimeoutState {
            /// Every one, in the order nft lists them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it in nft.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The transport protocol that has it.
            #[must_use]
            pub const fn protocol(self) -> u8 {
                match self { $(Self::$name => $protocol,)* }
            }
        }
    };
}

timeout_states! {
    /// TCP: a SYN was seen.
    SynSent = "syn_sent", 6;
    /// TCP: a SYN and its SYN+ACK were seen.
    SynRecv = "syn_recv", 6;
    /// TCP: the handshake is complete.
    Established = "established", 6;
    /// TCP: the first FIN was seen.
    FinWait = "fin_wait", 6;
    /// TCP: the first FIN was acknowledged.
    CloseWait = "close_wait", 6;
    /// TCP: both FINs were seen.
    LastAck = "last_ack", 6;
    /// TCP: both FINs were acknowledged.
    TimeWait = "time_wait", 6;
    /// TCP: a RST was seen.
    Close = "close", 6;
    /// TCP: both sides have sent a SYN.
    SynSent2 = "syn_sent2", 6;
    /// TCP: the longest, once a segment was sent more than three times.
    Retrans = "retrans", 6;
    /// TCP: the longest, while data is unacknowledged.
    Unack = "unack", 6;
    /// UDP: packets one way.
    Unreplied = "unreplied", 17;
    /// UDP: packets both ways.
    Replied = "replied", 17;
}
