//! What may a channel be for? `DataType` of H.245.

use super::packed::Packed;
use super::{Random, bounded};

/// T.120 over a stack of its own.
pub(super) fn t120(message: Packed) -> Packed {
    bounded(
        message.bits(1, 0).bits(3, 4).bits(1, 0).bits(1, 0).bits(4, 1).bits(1, 1).bits(7, 3).open(&[]),
        620,
    )
}

pub(super) fn data_type(random: &mut Random, message: Packed) -> Packed {
    let audio = |it: Packed, kind| it.bits(1, 0).bits(3, 3).bits(1, 0).bits(4, kind);
    let video = |it: Packed, kind| it.bits(1, 0).bits(3, 2).bits(1, 0).bits(3, kind);
    match random.below(16) {
        0 => control_non_standard(random, message.bits(1, 0).bits(3, 0)),
        1 => message.bits(1, 0).bits(3, 1),
        2 => audio(message, 1 + random.below(7)).octets(&[19]),
        3 => audio(message, 8).octets(&[3]).bits(1, 1),
        4 => audio(message, 9 + random.below(3)).octets(&[19]),
        5 => audio(message, 12).bits(1, 0).bits(8, 77).word(300),
        6 => audio(message, 13).bits(1, 0).bits(20, 77).word(300),
        7 => message.bits(1, 0).bits(3, 3).bits(1, 1).bits(7, random.below(12)).open(&[1, 2]),
        8 => video(message, 1).bits(1, 0).bits(2, 3).bits(2, 1).bits(2, 0).bits(1, 1).word(600).bits(1, 0),
        9 => video(message, 2)
            .bits(1, 0)
            .bits(6, 0b10_0110)
            .bits(11, 33)
            .then(|it| bounded(it, 9))
            .word(1)
            .bits(4, 3),
        10 => video(message, 3)
            .bits(1, 0)
            .bits(7, 0b010_0011)
            .bits(5, 7)
            .then(|it| bounded(it, 70_000))
            .bits(5, 3)
            .then(|it| bounded(it, 1))
            .word(4),
        11 => video(message, 4).bits(1, 0).bits(6, 0b10_0000).bits(1, 1).then(|it| bounded(it, 1)),
        12 => message.bits(1, 0).bits(3, 2).bits(1, 1).bits(7, random.below(3)).open(&[1, 2]),
        13 => message.bits(1, 0).bits(3, 5).bits(1, 0).bits(1, 1),
        14 => message.bits(1, 1).bits(7, random.below(5)).open(&[7]),
        _ => data(random, message.bits(1, 0).bits(3, 4).bits(1, 0)),
    }
}

/// `DataApplicationCapability`.
fn data(random: &mut Random, message: Packed) -> Packed {
    let protocol = |random: &mut Random, it: Packed| match random.below(3) {
        0 => it.bits(1, 1).bits(7, random.below(9)).open(&[]),
        1 => control_non_standard(random, it.bits(1, 0).bits(3, 0)),
        _ => it.bits(1, 0).bits(3, 1 + random.below(6)),
    };
    let kind = random.below(12);
    let message = match kind {
        10 | 11 => message.bits(1, 1).bits(7, random.below(6)).open(&[3]),
        _ => message.bits(1, 0).bits(4, kind),
    };
    let message = match kind {
        0 => control_non_standard(random, message),
        1 | 2 | 3 | 5 | 6 | 9 => protocol(random, message),
        4 => protocol(random, message).bits(1, 1).bits(1, 0).bits(19, 5),
        7 => protocol(random, message).open(&[1, 2]),
        _ => message,
    };
    bounded(message, 100)
}

pub(super) fn control_non_standard(random: &mut Random, message: Packed) -> Packed {
    let message = match random.below(2) {
        0 => message.bits(1, 0).octets(&[3, 1, 2, 3]),
        _ => message.bits(1, 1).octets(&[181, 0]).word(18),
    };
    message.open(&[1; 3][..random.below(4)])
}
