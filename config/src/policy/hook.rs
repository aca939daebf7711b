//! Which packets does a chain see, and where on their way?

use std::fmt;

/// The family of a table: which packets its chains see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4 packets.
    Ip,
    /// IPv6 packets.
    Ip6,
    /// IPv4 and IPv6 packets.
    Inet,
    /// ARP packets.
    Arp,
    /// Every frame, as a bridge sees it.
    Bridge,
    /// Every frame, at a device's ingress.
    Netdev,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Arp => "arp",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        })
    }
}

/// Where on its way a packet meets a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// As it leaves the device, before any other hook.
    Ingress,
    /// Before the routing decision.
    Prerouting,
    /// On its way to the protected host.
    Input,
    /// On its way through.
    Forward,
    /// As the protected host sends it.
    Output,
    /// After the routing decision.
    Postrouting,
    /// As it enters the device on the way out.
    Egress,
}

impl Hook {
    /// How many hooks there are.
    pub const COUNT: usize = 7;

    /// Every hook.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Ingress,
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Egress,
    ];
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        })
    }
}
