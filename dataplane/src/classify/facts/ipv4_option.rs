//! Where is the IPv4 option of a kind? As the kernel finds it: all options are judged first (RFC 791, RFC 2113), a
//! malformed one leaves the packet without any.

use super::Facts;
use crate::frame::Frame;
use crate::packet::Network;
use std::ops::Range;

impl<F: Frame + ?Sized> Facts<'_, F> {
    pub(super) fn is_ipv4(&self) -> bool {
        self.packet.tuple.network == Network::Ipv4
    }

    /// The kernel knows four kinds: loose and strict source route, record route, router alert. The rest of the
    /// packet belongs to what is found, as there.
    pub(super) fn ipv4_option(&self, kind: u8) -> Option<Range<usize>> {
        if !self.is_ipv4() {
            return None;
        }
        let start = usize::from(self.packet.network_offset);
        let [first] = self.bytes_at(start)?;
        let length = usize::from(first & 0xf).checked_sub(FIXED / 4)? * 4;
        let mut room = [0; MOST];
        let options = &mut room[..length];
        let copied = start + FIXED + length <= self.end() && self.frame.copy(start + FIXED, options);
        let found = copied.then(|| find(options, kind)).flatten()?;
        Some(start + FIXED + found..self.end())
    }
}

/// Where the option stands; `None` if it does not, or one of them is malformed.
fn find(options: &[u8], kind: u8) -> Option<usize> {
    let (mut at, mut found) = (0, None);
    let (mut source_route, mut record, mut timestamp) = (false, false, false);
    while at < options.len() {
        let option = &options[at..];
        match option[0] {
            END => break,
            NO_OPERATION => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let length = usize::from(*option.get(1)?);
        if length < 2 || length > option.len() {
            return None;
        }
        let option = &option[..length];
        let is_sound = match option[0] {
            LOOSE_ROUTE | STRICT_ROUTE => {
                !std::mem::replace(&mut source_route, true)
                    && length >= 7
                    && option[2] == 4
                    && (length - 3).is_multiple_of(4)
            }
            RECORD_ROUTE => !std::mem::replace(&mut record, true) && length >= 3 && has_room(option, 4, 3),
            TIMESTAMP => !std::mem::replace(&mut timestamp, true) && length >= 4 && is_timestamp(option),
            ROUTER_ALERT => length >= 4,
            _ => true,
        };
        if !is_sound {
            return None;
        }
        let counts = option[0] != ROUTER_ALERT || option[2..4] == [0, 0];
        if option[0] == kind
            && counts
            && matches!(kind, LOOSE_ROUTE | STRICT_ROUTE | RECORD_ROUTE | ROUTER_ALERT)
        {
            found = Some(at);
        }
        at += length;
    }
    found
}

/// Whether the pointer is at least `least`, and behind the option or with `more` bytes to go.
fn has_room(option: &[u8], least: u8, more: usize) -> bool {
    let pointer = usize::from(option[2]);
    option[2] >= least && (pointer > option.len() || pointer + more <= option.len())
}

fn is_timestamp(option: &[u8]) -> bool {
    let (overflow, flag) = (option[3] >> 4, option[3] & 0xf);
    let needed = if matches!(flag, WITH_ADDRESS | GIVEN_ADDRESSES) { 7 } else { 3 };
    let is_full = usize::from(option[2]) > option.len();
    has_room(option, 5, needed) && !(is_full && flag != GIVEN_ADDRESSES && overflow == 15)
}

const FIXED: usize = 20;
/// Most bytes of options.
const MOST: usize = 40;
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_ROUTE: u8 = 131;
const STRICT_ROUTE: u8 = 137;
const ROUTER_ALERT: u8 = 148;
/// Flags of a timestamp option: with addresses, with addresses its sender gave.
const WITH_ADDRESS: u8 = 1;
const GIVEN_ADDRESSES: u8 = 3;
