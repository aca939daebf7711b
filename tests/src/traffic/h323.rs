//! What do endpoints and gatekeepers of H.323 say? Messages of ITU-T H.225.0 and H.245 with whatever may stand in them,
//! present or absent as chance has it.

mod call;
mod channel;
mod media;
mod packed;
mod ras;
mod security;

use std::net::IpAddr;

use super::Random;
use packed::Packed;

pub use call::{Announced, Step, signal, tpkt};
pub use channel::{Channel, open_answer, open_channel, open_request};
pub use ras::{
    admission_confirm, gatekeeper_confirm, location_confirm, registration_confirm, registration_request,
    unregistration_request,
};

/// A host and a port of it.
pub type Place = (IpAddr, u16);

/// `TransportAddress` of H.225.0, seldom one of another kind.
fn address(random: &mut Random, message: Packed, (host, port): Place) -> Packed {
    match host {
        _ if random.chance(2) => message
            .bits(1, 0)
            .bits(3, 1)
            .bits(1, 0)
            .octets(&[1; 4])
            .word(1)
            .length(2)
            .octets(&[2; 8])
            .bits(2, 1),
        _ if random.chance(2) => message.bits(1, 0).bits(3, 2).octets(&[9; 10]).bits(16, 9),
        _ if random.chance(2) => message.bits(1, 0).bits(3, 4).octets(&[9; 16]),
        _ if random.chance(2) => message.bits(1, 0).bits(3, 5).bits(5, 2).octets(&[9; 3]),
        _ if random.chance(2) => non_standard(random, message.bits(1, 0).bits(3, 6), 1),
        _ if random.chance(2) => message.bits(1, 1).bits(7, 1).open(&[1, 2]),
        IpAddr::V4(host) => message.bits(1, 0).bits(3, 0).octets(&host.octets()).word(port.into()),
        IpAddr::V6(host) => message.bits(1, 0).bits(3, 3).bits(1, 0).octets(&host.octets()).word(port.into()),
    }
}

fn endpoint(random: &mut Random, message: Packed) -> Packed {
    let [is_extended, data, has_vendor] = flags(random);
    let [gatekeeper, gateway, mcu] = flags(random);
    let [_, terminal, _] = flags(random);
    let added = additions(random, 3, &[]);
    let bitmap = [data, has_vendor, gatekeeper, gateway, mcu, terminal];
    let message = bitmap.into_iter().fold(message.bits(1, is_extended), |it, bit| it.bits(1, bit));
    message
        .then(|it| non_standard(random, it, data))
        .then(|it| if has_vendor == 1 { vendor(random, it) } else { it })
        .maybe((gatekeeper == 1).then_some(()), |it, ()| non_standard(random, it.bits(1, 0).bits(1, 1), 1))
        .maybe((gateway == 1).then_some(()), |it, ()| {
            let kind = 1 + random.below(8);
            it.bits(1, 0)
                .bits(2, 2)
                .length(2)
                .bits(1, 0)
                .bits(4, kind)
                .bits(2, 0)
                .bits(1, 1)
                .bits(7, 0)
                .open(&[1])
        })
        .maybe((mcu == 1).then_some(()), |it, ()| it.bits(2, 0))
        .maybe((terminal == 1).then_some(()), |it, ()| it.bits(2, 0))
        .bits(2, 1)
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
}

fn vendor(random: &mut Random, message: Packed) -> Packed {
    let [_, product, version] = flags(random);
    let message = message.bits(1, 0).bits(1, product).bits(1, version).bits(1, 0).octets(&[181, 0]).word(18);
    message
        .maybe((product == 1).then_some(()), |it, ()| it.octets(&[2]).octets(b"abc"))
        .maybe((version == 1).then_some(()), |it, ()| it.octets(&[0]).octets(b"1"))
}

fn aliases(random: &mut Random, message: Packed, are_there: usize) -> Packed {
    if are_there == 0 {
        return message;
    }
    let count = random.below(4);
    (0..count).fold(message.length(count), |it, _| match random.below(3) {
        0 => it.bits(1, 0).bits(1, 0).bits(7, 4).octets(&[0x12, 0x34, 0x50]),
        1 => it.bits(1, 0).bits(1, 1).octets(&[1]).octets(&[0, b'a', 0, b'b']),
        _ => it.bits(1, 1).bits(7, random.below(6)).open(&[3, 4, 5]),
    })
}

fn name(random: &mut Random, message: Packed, is_there: usize) -> Packed {
    let length = random.below(3);
    if is_there == 0 { message } else { message.bits(7, length).octets(&vec![0; 2 * length + 2]) }
}

fn non_standard(random: &mut Random, message: Packed, is_there: usize) -> Packed {
    if is_there == 0 {
        return message;
    }
    let message = match random.below(2) {
        0 => message.bits(1, 0).bits(1, 0).octets(&[3, 1, 2, 3]),
        _ => message.bits(1, 0).bits(1, 1).bits(1, 0).octets(&[181, 0]).word(18),
    };
    message.open(&[1; 3][..random.below(4)])
}

fn protocol_identifier(message: Packed) -> Packed {
    message.octets(&[6, 0, 8, 0x91, 0x4a, 0, 4])
}

/// A number of more than two octets.
fn bounded(message: Packed, value: u32) -> Packed {
    let octets = value.to_be_bytes();
    let skipped = octets[..3].iter().take_while(|octet| **octet == 0).count();
    message.bits(2, 3 - skipped).octets(&octets[skipped..])
}

/// What later editions have added: these, and others, up to so many.
fn additions(random: &mut Random, most: usize, read: &[(usize, Option<Vec<u8>>)]) -> Vec<Option<Vec<u8>>> {
    let least = read.iter().filter(|(_, there)| there.is_some()).map(|(at, _)| at + 1).max().unwrap_or(1);
    let count = if random.chance(50) { least } else { least + random.below(most.saturating_sub(least) + 1) };
    let mut all: Vec<Option<Vec<u8>>> =
        (0..count).map(|_| random.chance(30).then(|| vec![0x40; 1 + random.below(3)])).collect();
    for (at, what) in read {
        if let Some(place) = all.get_mut(*at) {
            place.clone_from(what);
        }
    }
    all
}

fn flags(random: &mut Random) -> [usize; 3] {
    [usize::from(random.chance(25)), usize::from(random.chance(35)), usize::from(random.chance(35))]
}
