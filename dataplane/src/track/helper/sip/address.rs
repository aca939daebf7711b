//! Which host does a text begin with, as SIP and SDP write it?

use crate::packet::Network;
use std::net::Ipv6Addr;

/// The host of a SIP address at `at`, IPv6 in brackets, and where it ends.
pub(super) fn host(text: &[u8], at: usize, network: Network) -> Option<(u128, usize)> {
    if network == Network::Ipv4 {
        return plain(text, at, network);
    }
    let is_bracket = |at, bracket| text.get(at) == Some(&bracket);
    let (host, end) = plain(text, at + 1, network).filter(|_| is_bracket(at, b'['))?;
    is_bracket(end, b']').then_some((host, end + 1))
}

/// A host at `at`, without brackets, and where it ends.
pub(super) fn plain(text: &[u8], at: usize, network: Network) -> Option<(u128, usize)> {
    let rest = text.get(at..)?;
    match network {
        Network::Ipv4 => four(rest).map(|(host, length)| (host.into(), at + length)),
        Network::Ipv6 => {
            let in_address = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
            let length = rest.iter().take(LONGEST + 1).take_while(in_address).count();
            let host: Ipv6Addr = std::str::from_utf8(&rest[..length]).ok()?.parse().ok()?;
            Some((host.into(), at + length))
        }
        Network::Other => None,
    }
}

/// Four numbers up to 255 with dots between, and how long they are; no letter of a hexadecimal number comes behind.
fn four(text: &[u8]) -> Option<(u32, usize)> {
    let (mut host, mut part, mut parts) = (0_u32, None, 0);
    for at in 0..=text.len() {
        match text.get(at) {
            Some(digit @ b'0'..=b'9') => {
                let number = part.unwrap_or(0) * 10 + u32::from(digit - b'0');
                part = Some(number).filter(|number| *number <= 255);
                part?;
            }
            Some(b'a'..=b'f' | b'A'..=b'F') => return None,
            end => {
                host = host << 8 | part.take()?;
                parts += 1;
                match (end, parts) {
                    (Some(b'.'), 1..=3) => {}
                    (Some(b'.'), _) => return None,
                    _ => return (parts == 4).then_some((host, at)),
                }
            }
        }
    }
    None
}

/// Bytes of an IPv6 address as text.
const LONGEST: usize = 45;
