//! What must stay reachable? A service, as it is written: `tcp:22`, or `tcp:22@192.0.2.0/24` for some senders.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::values::ones;
use crate::policy::Value;

/// A service that must stay reachable from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keep {
    /// TCP; otherwise UDP.
    pub tcp: bool,
    /// Its port.
    pub port: u16,
    /// Who must reach it; anybody if none is named.
    pub from: Option<Network>,
}

/// An address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The address.
    pub address: IpAddr,
    /// Bits that count.
    pub length: u8,
}

impl Network {
    /// Whether it is IPv6; its first address and its last.
    pub(super) fn bounds(self) -> (bool, Value, Value) {
        let (v6, address, width) = match self.address {
            IpAddr::V4(address) => (false, Value::from(u32::from(address)), 32),
            IpAddr::V6(address) => (true, Value::from(address), 128),
        };
        let below = ones(width - u16::from(self.length).min(width));
        (v6, address & !below, address | below)
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (service, from) = match text.split_once('@') {
            Some((service, from)) => (service, Some(from.parse()?)),
            None => (text, None),
        };
        let (protocol, port) =
            service.split_once(':').ok_or("a protocol and a port are needed, as tcp:22")?;
        let tcp = match protocol {
            "tcp" => true,
            "udp" => false,
            _ => return Err(format!("'{protocol}' is neither tcp nor udp")),
        };
        let port = port.parse().map_err(|_| format!("'{port}' is not a port"))?;
        Ok(Self { tcp, port, from })
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let bare = address.trim_matches(['[', ']']);
        let address: IpAddr = bare.parse().map_err(|_| format!("'{address}' is not an IP address"))?;
        let width = if address.is_ipv6() { 128 } else { 32 };
        let length = length.map_or(Ok(width), |text| {
            let length = text.parse().ok().filter(|length| *length <= width);
            length.ok_or_else(|| format!("'{text}' is not a prefix length of 0 to {width}"))
        });
        Ok(Self { address, length: length? })
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", if self.tcp { "tcp" } else { "udp" }, self.port)?;
        self.from.map_or(Ok(()), |from| write!(f, " from {}/{}", from.address, from.length))
    }
}

#[cfg(test)]
mod tests {
    use super::Keep;

    #[test]
    fn what_is_kept_is_read_and_shown() {
        for (text, shown) in [
            ("tcp:22", "tcp:22"),
            ("udp:51820@192.0.2.7", "udp:51820 from 192.0.2.7/32"),
            ("tcp:22@2001:db8::/48", "tcp:22 from 2001:db8::/48"),
        ] {
            assert_eq!(text.parse::<Keep>().map(|keep| keep.to_string()), Ok(shown.to_owned()));
        }
        for wrong in ["22", "icmp:8", "tcp:70000", "tcp:22@host", "tcp:22@192.0.2.0/33", "tcp:22@::/129"] {
            assert!(wrong.parse::<Keep>().is_err(), "{wrong}");
        }
    }
}
