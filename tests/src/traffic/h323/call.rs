//! What is said to set up a call? H.225.0 in messages of Q.931.

use std::net::IpAddr;

use super::packed::Packed;
use super::security::{clear_token, crypto_token, security};
use super::{Place, Random, additions, address, aliases, endpoint, flags, non_standard, protocol_identifier};

/// Which message sets up a call, by its number among those of H.225.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Setup.
    Setup,
    /// CallProceeding.
    Proceeding,
    /// Connect.
    Connect,
    /// Alerting.
    Alerting,
    /// Information.
    Information,
    /// ReleaseComplete.
    Release,
    /// Facility.
    Facility,
    /// Progress.
    Progress,
}

/// What a message of a call announces.
#[derive(Debug, Clone, Default)]
pub struct Announced {
    /// Where H.245 is spoken.
    pub control: Option<Place>,
    /// To where the call is forwarded.
    pub forwarded: Option<Place>,
    /// Channels that are opened at once.
    pub fast: Vec<Vec<u8>>,
    /// Messages of H.245.
    pub tunnelled: Vec<Vec<u8>>,
}

/// A message of Q.931, with the header of its TPKT.
pub fn signal(random: &mut Random, step: Step, announced: &Announced) -> Vec<u8> {
    let body = user_information(random, step, announced);
    let mut message = vec![8, 2, 0, 1, 5];
    if random.chance(30) {
        message.extend([4, 3, 0x88, 0x93, 0xa5]);
    }
    message.push(0x7e);
    message.extend((body.len() as u16 + 1).to_be_bytes());
    message.push(5);
    message.extend(body);
    tpkt(&message)
}

/// A message behind the header of a TPKT.
#[must_use]
pub fn tpkt(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u16 + 4).to_be_bytes();
    [&[3, 0], &length[..], message].concat()
}

fn user_information(random: &mut Random, step: Step, announced: &Announced) -> Vec<u8> {
    let [mut is_extended, has_data, has_user] = flags(random);
    let has_user = if random.chance(20) { has_user } else { 0 };
    let tunnelled = (!announced.tunnelled.is_empty()).then(|| {
        let items = Packed::default().length(announced.tunnelled.len());
        announced.tunnelled.iter().fold(items, |items, item| items.open(item)).done()
    });
    is_extended |= usize::from(tunnelled.is_some());
    let added = additions(random, 11, &[(2, tunnelled)]);
    let message = Packed::default().bits(1, 0).bits(1, has_user).bits(1, is_extended).bits(1, has_data);
    let message = match step {
        Step::Progress => {
            let body = progress(random, announced);
            message.bits(1, 1).bits(7, 0).open(&body)
        }
        _ => message.bits(1, 0).bits(3, step as usize).then(|it| body(random, it, step, announced)),
    };
    message
        .then(|it| non_standard(random, it, has_data))
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

fn body(random: &mut Random, message: Packed, step: Step, announced: &Announced) -> Packed {
    let fast = (!announced.fast.is_empty()).then(|| fast_start(&announced.fast));
    let control = announced.control;
    let has_control = usize::from(control.is_some());
    let [mut is_extended, first, second] = flags(random);
    is_extended |= usize::from(fast.is_some());
    match step {
        Step::Setup => {
            let [destination, destination_address, extra] = flags(random);
            let [references, services, conference] = flags(random);
            let source =
                random.chance(30).then(|| Packed::default().then(|it| address(random, it, ANYWHERE)).done());
            let added = additions(random, 32, &[(0, source), (6, fast)]);
            let bitmap = [has_control, first, destination, destination_address, extra, references, services];
            let message = bitmap.into_iter().fold(message.bits(1, is_extended), |it, bit| it.bits(1, bit));
            message
                .then(protocol_identifier)
                .maybe(control, |it, at| address(random, it, at))
                .then(|it| aliases(random, it, first))
                .then(|it| endpoint(random, it))
                .then(|it| aliases(random, it, destination))
                .maybe((destination_address == 1).then_some(ANYWHERE), |it, at| address(random, it, at))
                .then(|it| aliases(random, it, extra))
                .maybe((references == 1).then_some(()), |it, ()| it.length(2).word(1).word(2))
                .bits(1, second)
                .octets(&[0x11; 16])
                .then(|it| {
                    if conference == 1 {
                        it.bits(1, 0).bits(2, 2)
                    } else {
                        it.bits(1, 1).bits(7, 1).open(&[])
                    }
                })
                .maybe((services == 1).then_some(()), |it, ()| it.bits(1, 0).bits(7, 9).bits(1, 0).bits(2, 1))
                .bits(1, 0)
                .bits(2, 1)
                .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        }
        Step::Proceeding | Step::Alerting => {
            let added = additions(random, 19, &[(4, fast)]);
            let message = message.bits(1, is_extended).bits(1, has_control).then(protocol_identifier);
            message
                .then(|it| endpoint(random, it))
                .maybe(control, |it, at| address(random, it, at))
                .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        }
        Step::Connect => {
            let added = additions(random, 20, &[(4, fast)]);
            let message = message.bits(1, is_extended).bits(1, has_control).then(protocol_identifier);
            message
                .maybe(control, |it, at| address(random, it, at))
                .then(|it| endpoint(random, it))
                .octets(&[0x22; 16])
                .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        }
        Step::Information => message.bits(1, 0).then(protocol_identifier),
        Step::Release => {
            let message = message.bits(1, 0).bits(1, first).then(protocol_identifier);
            message.maybe((first == 1).then_some(()), |it, ()| it.bits(1, 0).bits(4, 3))
        }
        Step::Facility => {
            let control = control.map(|at| Packed::default().then(|it| address(random, it, at)).done());
            is_extended |= usize::from(control.is_some());
            let added = additions(random, 22, &[(6, control), (7, fast)]);
            let has_forwarded = usize::from(announced.forwarded.is_some());
            let reason = if announced.forwarded.is_some() && random.chance(80) { 1 } else { random.below(4) };
            let message = message.bits(1, is_extended).bits(1, has_forwarded).bits(1, first).bits(1, second);
            message
                .then(protocol_identifier)
                .maybe(announced.forwarded, |it, at| address(random, it, at))
                .then(|it| aliases(random, it, first))
                .maybe((second == 1).then_some(()), |it, ()| it.octets(&[0x33; 16]))
                .bits(1, 0)
                .bits(2, reason)
                .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        }
        Step::Progress => message,
    }
}

fn progress(random: &mut Random, announced: &Announced) -> Vec<u8> {
    let [is_extended, mode, tokens] = flags(random);
    let [_, crypto, _] = flags(random);
    let fast = (!announced.fast.is_empty()).then(|| fast_start(&announced.fast));
    let added = additions(random, 5, &[]);
    let bitmap =
        [usize::from(announced.control.is_some()), mode, tokens, crypto, usize::from(fast.is_some())];
    let message = bitmap.into_iter().fold(Packed::default().bits(1, is_extended), |it, bit| it.bits(1, bit));
    message
        .then(protocol_identifier)
        .then(|it| endpoint(random, it))
        .maybe(announced.control, |it, at| address(random, it, at))
        .bits(1, 0)
        .octets(&[0x44; 16])
        .maybe((mode == 1).then_some(()), |it, ()| security(random, it))
        .maybe((tokens == 1).then_some(()), |it, ()| clear_token(random, it.length(1)))
        .maybe((crypto == 1).then_some(()), |it, ()| crypto_token(random, it.length(1)))
        .maybe(fast, |it, fast| it.octets(&fast))
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

fn fast_start(channels: &[Vec<u8>]) -> Vec<u8> {
    channels.iter().fold(Packed::default().length(channels.len()), |items, item| items.open(item)).done()
}

const ANYWHERE: Place = (IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7)), 1720);
