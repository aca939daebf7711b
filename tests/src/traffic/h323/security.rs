//! Which tokens may stand in a message? H.235.

use super::packed::Packed;
use super::{Random, bounded, name, non_standard, protocol_identifier};

pub(super) fn security(random: &mut Random, message: Packed) -> Packed {
    match random.below(3) {
        0 => non_standard(random, message.bits(1, 0).bits(2, 0), 1),
        1 => message.bits(1, 0).bits(2, 1),
        _ => message.bits(1, 0).bits(2, 2).bits(2, 0).bits(3, 1).bits(3, 2).bits(3, 1),
    }
}

pub(super) fn clear_token(random: &mut Random, message: Packed) -> Packed {
    let bitmap: Vec<usize> = (0..8).map(|_| random.below(2)).collect();
    let has = |at: usize| (bitmap[at] == 1).then_some(());
    let message = bitmap.iter().fold(message.bits(1, 0), |it, bit| it.bits(1, *bit));
    message
        .then(protocol_identifier)
        .maybe(has(0), |it, ()| bounded(it, 70_000))
        .maybe(has(1), |it, ()| name(random, it, 1))
        .maybe(has(2), |it, ()| it.bits(1, 0).word(11).octets(&[1, 2]).word(8).octets(&[3]).word(0))
        .maybe(has(3), |it, ()| it.bits(7, 1).octets(&[9; 9]))
        .maybe(has(4), |it, ()| it.open(&[1, 2, 3]))
        .maybe(has(5), |it, ()| it.bits(1, 0).then(protocol_identifier).open(&[1, 2]))
        .maybe(has(6), |it, ()| name(random, it, 1))
        .maybe(has(7), |it, ()| it.then(protocol_identifier).open(&[7]))
}

pub(super) fn crypto_token(random: &mut Random, message: Packed) -> Packed {
    let parameters = |it: Packed| it.then(protocol_identifier).bits(1, 0).bits(2, 2).open(&[5, 6]);
    let kind = random.below(8);
    let message = message.bits(1, 0).bits(3, kind);
    match kind {
        0 => bounded(message.bits(1, 0).bits(1, 0).bits(7, 2).octets(&[0x12, 0x30]), 9)
            .then(parameters)
            .length(13)
            .octets(&[1, 2]),
        1 => bounded(name(random, message, 1), 9).then(parameters).length(16).octets(&[1, 2]),
        2 | 3 => message.then(parameters).open(&[8, 8, 8]),
        4..=6 => message.open(&[1, 2, 3]).then(parameters).length(8).octets(&[1]),
        _ => message.bits(1, 0).bits(2, 0).then(protocol_identifier).then(parameters).open(&[1]),
    }
}
