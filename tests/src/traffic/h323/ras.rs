//! What do an endpoint and its gatekeeper say? RAS of ITU-T H.225.0.

use super::packed::Packed;
use super::{
    Place, Random, additions, address, aliases, bounded, endpoint, flags, name, non_standard,
    protocol_identifier, vendor,
};

/// RAS: an endpoint was found a gatekeeper, which speaks there.
pub fn gatekeeper_confirm(random: &mut Random, at: Place) -> Vec<u8> {
    let [is_extended, has_data, has_name] = flags(random);
    let added = additions(random, 16, &[]);
    ras(1, is_extended)
        .bits(1, has_data)
        .bits(1, has_name)
        .word(7)
        .then(protocol_identifier)
        .then(|it| non_standard(random, it, has_data))
        .then(|it| name(random, it, has_name))
        .then(|it| address(random, it, at))
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

/// RAS: an endpoint registers that it is called there; for so many seconds, if it says.
pub fn registration_request(random: &mut Random, at: &[Place], seconds: Option<u32>) -> Vec<u8> {
    let [mut is_extended, has_data, has_alias] = flags(random);
    let [has_name, is_complete, has_more] = flags(random);
    is_extended |= usize::from(seconds.is_some());
    let mut added = additions(random, 31, &[(1, seconds.map(number))]);
    if has_more == 1 && added.len() < 7 {
        added.resize(7, Some(vec![0x80]));
    }
    ras(3, is_extended)
        .bits(1, has_data)
        .bits(1, has_alias)
        .bits(1, has_name)
        .word(8)
        .then(protocol_identifier)
        .then(|it| non_standard(random, it, has_data))
        .bits(1, is_complete)
        .length(at.len())
        .then(|it| at.iter().fold(it, |it, at| address(random, it, *at)))
        .length(1)
        .then(|it| address(random, it, at[0]))
        .then(|it| endpoint(random, it))
        .then(|it| aliases(random, it, has_alias))
        .then(|it| name(random, it, has_name))
        .then(|it| vendor(random, it))
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

/// RAS: the gatekeeper confirms that, for so many seconds.
pub fn registration_confirm(random: &mut Random, at: Place, seconds: Option<u32>) -> Vec<u8> {
    let [mut is_extended, has_data, has_alias] = flags(random);
    let [has_name, has_more, _] = flags(random);
    is_extended |= usize::from(seconds.is_some());
    let mut added = additions(random, 31, &[(1, seconds.map(number))]);
    if has_more == 1 && added.len() < 7 {
        added.resize(7, Some(vec![0x80]));
    }
    ras(4, is_extended)
        .bits(1, has_data)
        .bits(1, has_alias)
        .bits(1, has_name)
        .word(8)
        .then(protocol_identifier)
        .then(|it| non_standard(random, it, has_data))
        .length(1)
        .then(|it| address(random, it, at))
        .then(|it| aliases(random, it, has_alias))
        .then(|it| name(random, it, has_name))
        .then(|it| name(random, it, 1))
        .then(|it| if is_extended == 1 { it.added(&added) } else { it })
        .done()
}

/// RAS: an endpoint takes its registration back.
pub fn unregistration_request(random: &mut Random, at: Place) -> Vec<u8> {
    ras(6, 0).bits(3, 0).word(9).length(1).then(|it| address(random, it, at)).done()
}

/// RAS: a call is admitted, to there.
pub fn admission_confirm(random: &mut Random, at: Place) -> Vec<u8> {
    ras(10, 0)
        .bits(2, 0)
        .word(10)
        .then(|it| bounded(it, 640))
        .bits(2, 1)
        .then(|it| address(random, it, at))
        .done()
}

/// RAS: who is looked for is called there.
pub fn location_confirm(random: &mut Random, at: Place, gatekeeper: Place) -> Vec<u8> {
    let message = ras(19, 0).bits(1, 0).word(11);
    message.then(|it| address(random, it, at)).then(|it| address(random, it, gatekeeper)).done()
}

fn ras(kind: usize, is_extended: usize) -> Packed {
    Packed::default().bits(1, 0).bits(5, kind).bits(1, is_extended)
}

/// The same, from 1 on.
fn number(value: u32) -> Vec<u8> {
    bounded(Packed::default(), value.wrapping_sub(1)).done()
}
