//! Which captures are not Ethernet, and how do they become it?
//!
//! The data path takes Ethernet. A capture of another link type is given an Ethernet header with the `EtherType`
//! its own header names and made-up addresses; the bytes behind are not touched. Numbers are those of the
//! tcpdump group's registry of link types.

/// A link type that can be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet: taken as it is.
    Ethernet,
    /// BSD loopback: the address family in 4 bytes of the capturing machine's own order.
    Null,
    /// OpenBSD loopback: the address family in 4 bytes, network order.
    Loop,
    /// An IP packet without any link header.
    Raw,
    /// Linux `-i any`, version 1: 16 bytes.
    LinuxSll,
    /// Linux `-i any`, version 2: 20 bytes.
    LinuxSll2,
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// Stands for a protocol that has no `EtherType`: reserved by IEEE, so that no rule of an IP family sees it.
const NOT_IP: u16 = 0xffff;
const RECEIVER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const SENDER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

impl Link {
    /// The link type with this number, if it can be replayed.
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            // 12 and 14 are what DLT_RAW is called on some systems; 228 and 229 name the version outright
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            276 => Self::LinuxSll2,
            _ => return None,
        })
    }

    /// What tcpdump calls a link type that cannot be replayed.
    pub const fn refused_name(number: u32) -> &'static str {
        match number {
            9 => "PPP",
            105 => "IEEE 802.11",
            127 => "IEEE 802.11 with radiotap",
            189 => "USB",
            192 => "PPI",
            195 => "IEEE 802.15.4",
            220 => "USB",
            228 | 229 | 101 => "raw IP",
            239 => "NFLOG",
            249 => "USB",
            253 => "Netlink",
            _ => "unknown to Sluice",
        }
    }

    /// Turns a frame of this link type into Ethernet, in `into`; a frame cut off within its link header comes
    /// out as cut off within the Ethernet header.
    pub fn to_ethernet(self, frame: &[u8], into: &mut Vec<u8>) {
        into.clear();
        let converted = match self {
            Self::Ethernet => {
                into.extend_from_slice(frame);
                return;
            }
            Self::Null => split(frame).map(|(family, rest)| {
                let family = u32::from_le_bytes(*family);
                (SENDER, loopback_ethertype(family.min(family.swap_bytes())), rest)
            }),
            Self::Loop => split(frame)
                .map(|(family, rest)| (SENDER, loopback_ethertype(u32::from_be_bytes(*family)), rest)),
            Self::Raw => frame.first().map(|byte| {
                let ethertype = match byte >> 4 {
                    4 => IPV4,
                    6 => IPV6,
                    _ => NOT_IP,
                };
                (SENDER, ethertype, frame)
            }),
            Self::LinuxSll => split::<16>(frame)
                .map(|(sll, rest)| (sender(&sll[4..6], &sll[6..14]), be16(sll[14], sll[15]), rest)),
            Self::LinuxSll2 => split::<20>(frame)
                .map(|(sll, rest)| (sender(&[0, sll[11]], &sll[12..20]), be16(sll[0], sll[1]), rest)),
        };
        if let Some((sender, ethertype, rest)) = converted {
            into.extend_from_slice(&RECEIVER);
            into.extend_from_slice(&sender);
            into.extend_from_slice(&ethertype.to_be_bytes());
            into.extend_from_slice(rest);
        }
    }
}

fn split<const N: usize>(frame: &[u8]) -> Option<(&[u8; N], &[u8])> {
    frame.split_first_chunk()
}

const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// The sender of a `-i any` frame, if its device had addresses of six bytes.
fn sender(length: &[u8], address: &[u8]) -> [u8; 6] {
    match (length, address.first_chunk()) {
        ([0, 6], Some(address)) => *address,
        _ => SENDER,
    }
}

/// The systems disagree about the number of the IPv6 family.
const fn loopback_ethertype(family: u32) -> u16 {
    match family {
        2 => IPV4,
        10 | 24 | 28 | 30 => IPV6,
        _ => NOT_IP,
    }
}

#[cfg(test)]
mod tests {
    use super::Link;

    fn converted(link: u32, frame: &[u8]) -> Vec<u8> {
        let mut into = vec![9; 3];
        Link::from_number(link).unwrap().to_ethernet(frame, &mut into);
        into
    }

    #[test]
    fn ip_gets_its_ethertype() {
        for (link, header, ip, ethertype) in [
            (101, &[][..], 0x45, [0x08, 0x00]),
            (101, &[], 0x60, [0x86, 0xdd]),
            (0, &[2, 0, 0, 0], 0x45, [0x08, 0x00]),
            (0, &[0, 0, 0, 30], 0x60, [0x86, 0xdd]),
            (0, &[24, 0, 0, 0], 0x60, [0x86, 0xdd]),
            (108, &[0, 0, 0, 28], 0x60, [0x86, 0xdd]),
            (113, &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], 0x45, [0x08, 0x00]),
            (276, &[0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0], 0x60, [0x86, 0xdd]),
        ] {
            let mut frame = header.to_vec();
            frame.extend_from_slice(&[ip, 1, 2, 3]);
            let ethernet = converted(link, &frame);
            assert_eq!(ethernet[12..14], ethertype, "link type {link}");
            assert_eq!(ethernet[14..], [ip, 1, 2, 3], "link type {link}");
        }
    }

    #[test]
    fn a_known_sender_is_kept() {
        let sll = [0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 6];
        assert_eq!(converted(113, &sll)[6..14], [1, 2, 3, 4, 5, 6, 8, 6]);
    }

    #[test]
    fn a_cut_header_gives_no_whole_ethernet_header() {
        for link in [0, 101, 108, 113, 276] {
            assert!(converted(link, &[]).is_empty());
        }
        assert!(converted(276, &[0; 19]).is_empty());
    }
}
