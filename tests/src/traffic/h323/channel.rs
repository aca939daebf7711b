//! What is said to open a channel? H.245.

use std::net::IpAddr;

use super::media::{control_non_standard, data_type, t120};
use super::packed::Packed;
use super::{Place, Random, additions, bounded, flags};

/// What a channel is for, and where it is awaited.
#[derive(Debug, Clone, Copy, Default)]
pub struct Channel {
    /// RTP and RTCP from there to here.
    pub media: [Option<Place>; 2],
    /// The same of the other way.
    pub back: [Option<Place>; 2],
    /// T.120.
    pub stack: Option<Place>,
}

/// `OpenLogicalChannel`, as it stands in the beginning of a call.
pub fn open_channel(random: &mut Random, channel: &Channel) -> Vec<u8> {
    Packed::default().then(|it| open_logical_channel(random, it, channel)).done()
}

/// The same as a message of H.245.
pub fn open_request(random: &mut Random, channel: &Channel) -> Vec<u8> {
    let message = Packed::default().bits(1, 0).bits(2, 0).bits(1, 0).bits(4, 3);
    message.then(|it| open_logical_channel(random, it, channel)).done()
}

/// The answer to it.
pub fn open_answer(random: &mut Random, channel: &Channel) -> Vec<u8> {
    let has_back = usize::from(channel.back.iter().any(Option::is_some) || random.chance(20));
    let has_media = channel.media.iter().any(Option::is_some);
    let stack = channel.stack.map(|at| network_access(random, at));
    let forward = has_media.then(|| {
        let [_, data, session] = flags(random);
        let [_, is_dynamic, _] = flags(random);
        let [media, control] = channel.media;
        let bitmap =
            [data, session, usize::from(media.is_some()), usize::from(control.is_some()), is_dynamic];
        let message = bitmap.into_iter().fold(Packed::default().bits(2, 0), |it, bit| it.bits(1, bit));
        message
            .maybe((data == 1).then_some(()), |it, ()| control_non_standard(random, it.length(1)))
            .maybe((session == 1).then_some(()), |it, ()| it.bits(8, 3))
            .maybe(media, |it, at| channel_address(random, it, at))
            .maybe(control, |it, at| channel_address(random, it, at))
            .maybe((is_dynamic == 1).then_some(()), |it, ()| it.bits(5, 4))
            .done()
    });
    let is_extended = usize::from(stack.is_some() || forward.is_some() || random.chance(20));
    let added = additions(random, 4, &[(0, stack), (1, forward)]);
    let message = Packed::default().bits(1, 0).bits(2, 1).bits(1, 0).bits(5, 5).bits(1, is_extended);
    message
        .bits(1, has_back)
        .word(1)
        .maybe((has_back == 1).then_some(()), |it, ()| {
            let [_, port, _] = flags(random);
            it.bits(1, 0)
                .bits(1, port)
                .bits(1, 1)
                .word(2)
                .maybe((port == 1).then_some(()), |it, ()| it.word(77))
                .bits(1, 1)
                .bits(7, 0)
                .open(&parameters(random, channel.back))
        })
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

fn open_logical_channel(random: &mut Random, message: Packed, channel: &Channel) -> Packed {
    let has_back = usize::from(channel.back.iter().any(Option::is_some) || random.chance(20));
    let stack = channel.stack.map(|at| network_access(random, at));
    let is_t120 = stack.is_some() && random.chance(85);
    let is_extended = usize::from(stack.is_some() || random.chance(20));
    let added = additions(random, 3, &[(0, stack)]);
    let [more, has_port, _] = flags(random);
    let forward_added = additions(random, 3, &[]);
    message
        .bits(1, is_extended)
        .bits(1, has_back)
        .word(1)
        .bits(1, more)
        .bits(1, has_port)
        .maybe((has_port == 1).then_some(()), |it, ()| it.word(5))
        .then(|it| if is_t120 { t120(it) } else { data_type(random, it) })
        .then(|it| match channel.media.iter().any(Option::is_some) || random.chance(20) {
            true => it.bits(1, 1).bits(7, 0).open(&parameters(random, channel.media)),
            false => multiplex(random, it),
        })
        .then(|it| if more == 1 { it.added(&forward_added) } else { it })
        .maybe((has_back == 1).then_some(()), |it, ()| {
            data_type(random, it.bits(1, 0).bits(1, 1))
                .bits(1, 1)
                .bits(7, 0)
                .open(&parameters(random, channel.back))
        })
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
}

/// `H2250LogicalChannelParameters`.
fn parameters(random: &mut Random, [media, control]: [Option<Place>; 2]) -> Vec<u8> {
    let [is_extended, data, associated] = flags(random);
    let [guaranteed, late, silence] = flags(random);
    let bitmap = [
        data,
        associated,
        usize::from(media.is_some()),
        guaranteed,
        usize::from(control.is_some()),
        late,
        silence,
        0,
        0,
        0,
    ];
    let message = bitmap.into_iter().fold(Packed::default().bits(1, is_extended), |it, bit| it.bits(1, bit));
    message
        .maybe((data == 1).then_some(()), |it, ()| control_non_standard(random, it.length(1)))
        .octets(&[1])
        .maybe((associated == 1).then_some(()), |it, ()| it.bits(8, 200))
        .maybe(media, |it, at| channel_address(random, it, at))
        .maybe((guaranteed == 1).then_some(()), |it, ()| it.bits(1, 1))
        .maybe(control, |it, at| channel_address(random, it, at))
        .maybe((late == 1).then_some(()), |it, ()| it.bits(1, 1))
        .maybe((silence == 1).then_some(()), |it, ()| it.bits(1, 1))
        .done()
}

/// Other parameters than those of H.225.0.
fn multiplex(random: &mut Random, message: Packed) -> Packed {
    match random.below(4) {
        0 => message.bits(1, 0).bits(2, 0).bits(1, 0).bits(3, 5).word(1).word(2).word(3).open(&[1, 2]),
        1 => message
            .bits(1, 0)
            .bits(2, 1)
            .bits(1, 0)
            .bits(1, 0)
            .bits(3, 5)
            .bits(2, 1)
            .then(|it| bounded(it, 300))
            .bits(1, 1),
        2 => message
            .bits(1, 0)
            .bits(2, 2)
            .bits(1, 0)
            .bits(1, 0)
            .bits(3, 1)
            .word(9)
            .bits(1, 1)
            .bits(3, 2)
            .bits(1, 1)
            .bits(2, 0)
            .bits(1, 0)
            .bits(7, 9)
            .bits(3, 1)
            .bits(1, 0)
            .bits(1, 1),
        _ => message.bits(1, 1).bits(7, 1).open(&[]),
    }
}

fn network_access(random: &mut Random, at: Place) -> Vec<u8> {
    let [distribution, reference, conference] = flags(random);
    let message = Packed::default().bits(1, 0).bits(1, distribution).bits(1, reference);
    message
        .maybe((distribution == 1).then_some(()), |it, ()| it.bits(2, 1))
        .bits(1, 0)
        .bits(2, 2)
        .then(|it| channel_address(random, it, at))
        .bits(1, conference)
        .maybe((reference == 1).then_some(()), |it, ()| it.bits(8, 1).octets(&[1, 2]))
        .done()
}

fn channel_address(random: &mut Random, message: Packed, (host, port): Place) -> Packed {
    match host {
        _ if random.chance(4) => {
            message.bits(1, 0).bits(1, 1).bits(1, 0).bits(1, 0).bits(1, 0).octets(&[224, 0, 0, 1]).word(4)
        }
        _ if random.chance(4) => {
            let message =
                message.bits(2, 0).bits(1, 0).bits(3, 4).bits(1, 0).bits(1, 1).octets(&[1; 4]).word(1);
            message.length(1).octets(&[2; 4])
        }
        _ if random.chance(3) => message.bits(2, 0).bits(1, 1).bits(7, random.below(3)).open(&[1, 2, 3]),
        _ if random.chance(3) => {
            message.bits(2, 0).bits(1, 0).bits(3, 1).bits(1, 0).octets(&[9; 10]).bits(16, 9)
        }
        IpAddr::V4(host) => {
            message.bits(2, 0).bits(1, 0).bits(3, 0).bits(1, 0).octets(&host.octets()).word(port.into())
        }
        IpAddr::V6(host) => {
            message.bits(2, 0).bits(1, 0).bits(3, 2).bits(1, 0).octets(&host.octets()).word(port.into())
        }
    }
}
