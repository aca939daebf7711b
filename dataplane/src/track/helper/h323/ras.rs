//! Whom does a message to or from a gatekeeper announce? ITU-T H.225.0, clause 7: who is registered may be called by the
//! gatekeeper, over Q.931; who is admitted or located calls where he is told to; a gatekeeper that was found may be somewhere
//! else.
//!
//! As in Linux, a message that cannot be read announces nobody, and passes.

use config::policy::HelperKind;
use zerocopy::FromZeros;

use super::super::text::{self, LONGEST_TEXT, UDP_HEADER};
use super::super::{Expected, Heard, Hearer, Terms, Times, protocol};
use super::description::{Role, Type};
use super::per::{Fault, Findings, Found, decode};
use super::types::ras::RAS_MESSAGE;
use super::{Ends, STEPS};
use crate::frame::Frame;
use crate::reason::Reason;

/// What is known of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(in super::super) struct Registration {
    /// For how many seconds it asks.
    seconds: u32,
}

/// Tells whom a message announces; `is_expected` says whether its connection was announced by another.
///
/// # Errors
/// [`Reason::HelperPartial`] if it is longer or more manifold than is read, [`Reason::HelperExpectation`] if whom it
/// announces cannot be expected.
pub(in super::super) fn follow<F: Frame + ?Sized, H: Hearer>(
    registration: &mut Registration,
    heard: Heard<'_, F>,
    is_expected: bool,
    hearer: &mut H,
) -> Result<(), Reason> {
    let Heard { packet, frame, .. } = heard;
    let Some((start, length)) = text::place(packet, UDP_HEADER) else { return Ok(()) };
    if length > LONGEST_TEXT {
        return Err(Reason::HelperPartial);
    }
    let mut buffer = [0; LONGEST_TEXT];
    let Some(octets) = text::bytes(frame, (start, length), &mut buffer) else { return Ok(()) };
    let (mut findings, mut steps) = (Findings::new(), STEPS);
    match decode(octets, 0, Type::Choice(&RAS_MESSAGE), &mut steps, &mut findings) {
        Ok(()) => {}
        Err(Fault::Malformed) => return Ok(()),
        Err(Fault::TooMuch) => return Err(Reason::HelperPartial),
    }
    let ends = Ends::of(&packet.tuple);
    let source_port = packet.tuple.source_port;
    let at = |found: &Found| ends.address(octets, found);
    let mut is_registered = false;
    for found in findings.iter() {
        match found.role {
            Role::Gatekeeper => {
                let Some(to) = at(found) else { continue };
                if to != (ends.sender, source_port) && !is_expected {
                    let terms = Terms { read_by: Some(HelperKind::Ras), ..Terms::once(MOST, SECONDS) };
                    expect(hearer, &ends, to, protocol::UDP, terms)?;
                }
            }
            Role::Registered => {
                let to = at(found).filter(|(host, port)| *host == ends.sender && *port != 0);
                if let Some(to) = to.filter(|_| !is_registered) {
                    is_registered = true;
                    expect(hearer, &ends, to, protocol::TCP, CALLS)?;
                }
            }
            Role::Admitted | Role::Located => {
                let to = at(found).filter(|to| found.role == Role::Located || to.0 != ends.receiver);
                if let Some(to) = to {
                    expect(hearer, &ends, to, protocol::TCP, CALLS)?;
                }
            }
            _ => {}
        }
    }
    registration.follow(&findings, hearer);
    Ok(())
}

impl Registration {
    /// How long it lasts: as long as it was confirmed for, or asked.
    fn follow<H: Hearer>(&mut self, findings: &Findings, hearer: &mut H) {
        let mut is_confirmed = false;
        for found in findings.iter() {
            match found.role {
                Role::Registration => self.seconds = ASKED_UNLESS_SAID,
                Role::AskedTime | Role::ConfirmedTime => self.seconds = found.value,
                Role::Confirmation => is_confirmed = true,
                Role::Withdrawal => {
                    hearer.forget(|_| true);
                    hearer.lasts(ANSWERED_WITHIN);
                }
                _ => {}
            }
        }
        if is_confirmed && self.seconds > 0 {
            hearer.lasts(milliseconds(self.seconds));
        }
    }
}

/// As long as Linux takes so many seconds for, of which it counts 250 ticks each modulo 2^32: what is half of that is over
/// at once.
const fn milliseconds(seconds: u32) -> u32 {
    let ticks = seconds.wrapping_mul(TICKS);
    match ticks >> 31 {
        0 if ticks / TICKS >= LONGEST_SECONDS => LONGEST_SECONDS * 1000,
        0 => ticks * (1000 / TICKS),
        _ => 0,
    }
}

fn expect<H: Hearer>(
    hearer: &mut H,
    ends: &Ends,
    to: (u128, u16),
    protocol: u8,
    terms: Terms,
) -> Result<(), Reason> {
    let expected = Expected { from: Some(ends.receiver), from_port: None, to, protocol, terms };
    hearer.expect(expected).map_err(|_| Reason::HelperExpectation)
}

/// Calls, as many as come, read by Q.931.
const CALLS: Terms =
    Terms { times: Times::Any, read_by: Some(HelperKind::Q931), ..Terms::once(MOST, SECONDS) };

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 32;
const SECONDS: u32 = 240;

/// Seconds that a registration asks for which does not say.
const ASKED_UNLESS_SAID: u32 = 300;
/// How long the answer to its end may be in coming, in milliseconds.
const ANSWERED_WITHIN: u32 = 30_000;
/// Ticks of Linux in a second.
const TICKS: u32 = 250;
/// The longest time a deadline can express.
const LONGEST_SECONDS: u32 = 2_147_483;
