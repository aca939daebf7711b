//! Which connections do the messages of H.323 announce? To its gatekeeper an endpoint speaks RAS; to another one H.225.0, in
//! messages of Q.931, and H.245 about the media, each behind the header of a TPKT (RFC 1006).
//!
//! ```text
//! | 3 | 0 | length, with the header | message
//!   8   8   16
//! ```
//!
//! As in Linux a message that cannot be read announces nobody, and what follows it in its packet is not read either. A
//! header may come in a segment of its own; any other message in two segments is not read.

mod description;
mod per;
mod ras;
mod signalling;
mod types;

use zerocopy::FromZeros;

use super::text::{self, LONGEST_TEXT};
use super::{Heard, Hearer};
use crate::frame::Frame;
use crate::packet::{Network, Tuple};
use crate::reason::Reason;
use per::{Findings, Found};

pub(super) use ras::{Registration, follow as follow_ras};
pub(super) use signalling::Language;

/// What is known of the messages of a connection: of either way, how long one is whose header came alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(super) struct Framing {
    awaited: [u16; 2],
}

/// Tells whom the messages in a segment announce.
///
/// # Errors
/// [`Reason::HelperPartial`] if it is longer or more manifold than is read, [`Reason::HelperExpectation`] if whom it
/// announces cannot be expected.
pub(super) fn follow<F: Frame + ?Sized, H: Hearer>(
    framing: &mut Framing,
    language: Language,
    heard: Heard<'_, F>,
    hearer: &mut H,
) -> Result<(), Reason> {
    let Heard { packet, frame, direction, .. } = heard;
    let awaited = &mut framing.awaited[direction as usize];
    let Some((start, length)) = text::place(packet, usize::from(packet.tcp.header_length)) else {
        *awaited = 0;
        return Ok(());
    };
    if length > LONGEST_TEXT {
        return Err(Reason::HelperPartial);
    }
    let mut buffer = [0; LONGEST_TEXT];
    let Some(octets) = text::bytes(frame, (start, length), &mut buffer) else { return Ok(()) };
    let ends = Ends::of(&packet.tuple);
    let (mut findings, mut steps) = (Findings::new(), STEPS);
    let mut rest = octets;
    while let Some((message, behind)) = next(rest, awaited, rest.len() == octets.len()) {
        rest = behind;
        if !signalling::follow(language, message, &ends, (&mut steps, &mut findings), hearer)? {
            break;
        }
    }
    Ok(())
}

/// The next message of a segment, and what is behind it.
fn next<'a>(octets: &'a [u8], awaited: &mut u16, is_first: bool) -> Option<(&'a [u8], &'a [u8])> {
    let expected = std::mem::take(awaited);
    let header = octets.split_first_chunk::<4>().filter(|([three, zero, ..], _)| (*three, *zero) == (3, 0));
    let Some(([_, _, high, low], behind)) = header else {
        let is_expected = is_first && expected > 0;
        return is_expected.then(|| octets.split_at_checked(expected.into())).flatten();
    };
    let length = u16::from_be_bytes([*high, *low]).checked_sub(4)?;
    if behind.is_empty() && length > 0 {
        *awaited = if is_first { length } else { 0 };
        return None;
    }
    if behind.is_empty() && !is_first {
        return None;
    }
    behind.split_at_checked(length.into())
}

/// Who sends a message, and to whom.
#[derive(Debug, Clone, Copy)]
struct Ends {
    sender: u128,
    receiver: u128,
    network: Network,
}

impl Ends {
    const fn of(tuple: &Tuple) -> Self {
        Self { sender: tuple.source, receiver: tuple.destination, network: tuple.network }
    }

    /// The host and port that were found among these octets, if it is of their network.
    fn address(&self, octets: &[u8], found: &Found) -> Option<(u128, u16)> {
        let length = if self.network == Network::Ipv4 { 4 } else { 16 };
        if usize::from(found.octets) != length {
            return None;
        }
        let (host, behind) = octets.get(found.value as usize..)?.split_at_checked(length)?;
        let host = host.iter().fold(0, |host, octet| host << 8 | u128::from(*octet));
        let (port, _) = behind.split_first_chunk()?;
        Some((host, u16::from_be_bytes(*port)))
    }
}

/// Steps that reading a packet may take.
const STEPS: u32 = 2048;
