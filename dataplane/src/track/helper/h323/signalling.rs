//! Whom does a message of a call announce? Q.931 with H.225.0 within it, and H.245, which says where media are awaited.
//!
//! RTP comes to an even port and RTCP to the next, from the other end to who sends the message, if he says that it is
//! himself; T.120 and H.245 over TCP likewise. To where a call is forwarded Linux expects it only if its routes say that
//! caller and new callee are not on one side of it; on a wire, where nobody's routes are known, nobody is expected.

use config::policy::HelperKind;

use super::super::{Expected, Hearer, Terms, Times, protocol};
use super::Ends;
use super::description::{Role, Type};
use super::per::{Fault, Findings, Found, decode};
use super::types::channel::MESSAGE;
use super::types::signalling::USER_INFORMATION;
use crate::reason::Reason;

/// What is read of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Language {
    /// Messages of Q.931.
    Q931,
    /// Messages of H.245.
    H245,
}

impl Language {
    /// Connections that one which speaks so may announce at a time.
    const fn most(self) -> usize {
        match self {
            Self::Q931 => 20,
            Self::H245 => 18,
        }
    }
}

/// Tells whom the message in these octets announces; `false` if it cannot be read.
///
/// # Errors
/// [`Reason::HelperPartial`] if it is more manifold than is read, [`Reason::HelperExpectation`] if whom it announces cannot
/// be expected.
pub(super) fn follow<H: Hearer>(
    language: Language,
    octets: &[u8],
    ends: &Ends,
    (steps, findings): (&mut u32, &mut Findings),
    hearer: &mut H,
) -> Result<bool, Reason> {
    let (octets, from, what) = match language {
        Language::H245 => (octets, 0, MESSAGE),
        Language::Q931 => match user_information(octets) {
            Some((from, until)) => (&octets[..until], from, Type::Sequence(&USER_INFORMATION)),
            None => return Ok(false),
        },
    };
    match decode(octets, from, what, steps, findings) {
        Ok(()) => {}
        Err(Fault::Malformed) => return Ok(false),
        Err(Fault::TooMuch) => return Err(Reason::HelperPartial),
    }
    let mut call = Call { octets, ends, most: language.most(), is_forwarded: false, is_t120: false, hearer };
    call.announce(findings).map(|()| true)
}

/// From where to where a message of Q.931 holds one of H.225.0: in its user-user element, behind the protocol
/// discriminator. As in Linux, every other element is taken to say its length.
fn user_information(octets: &[u8]) -> Option<(usize, usize)> {
    let at = |place: usize| octets.get(place).copied();
    if at(0)? != Q931 {
        return None;
    }
    // call reference, and type of the message
    let mut place = 2 + usize::from(at(1)?) + 1;
    if at(place)? & 0x80 != 0 {
        place += 1;
    }
    while at(place)? != USER_USER {
        place += 2 + usize::from(at(place + 1)?);
    }
    let length = usize::from(u16::from_be_bytes([at(place + 1)?, at(place + 2)?]));
    let from = place + 3;
    (length > 0 && from + length <= octets.len()).then_some((from + 1, from + length))
}

/// A message, and who is told what it announces.
struct Call<'a, H> {
    octets: &'a [u8],
    ends: &'a Ends,
    most: usize,
    /// Whether what is left of the message, up to the tunnelled ones, is of no matter.
    is_forwarded: bool,
    /// Whether the channel at hand is for T.120 over a stack of its own.
    is_t120: bool,
    hearer: &'a mut H,
}

impl<H: Hearer> Call<'_, H> {
    fn announce(&mut self, findings: &Findings) -> Result<(), Reason> {
        let mut stack = None;
        for found in findings.iter() {
            if matches!(found.role, Role::Channel | Role::Tunnelled) {
                self.announce_stack(stack.take())?;
                self.is_t120 = false;
            }
            match found.role {
                Role::Tunnelled => self.is_forwarded = false,
                Role::Reason => self.is_forwarded = found.value == CALL_FORWARDED,
                _ if self.is_forwarded => {}
                Role::Control => {
                    let terms = Terms { read_by: Some(HelperKind::H245), ..self.once() };
                    if let Some(port) = self.own_port(found) {
                        self.expect(port, protocol::TCP, terms)?;
                    }
                }
                Role::Media => self.announce_media(found)?,
                Role::Data => self.is_t120 = found.value == SEPARATE_STACK,
                Role::Stack if self.is_t120 => stack = Some(found),
                Role::StackOfAck => stack = Some(found),
                _ => {}
            }
        }
        self.announce_stack(stack)
    }

    fn announce_media(&mut self, found: &Found) -> Result<(), Reason> {
        let Some(port) = self.own_port(found) else { return Ok(()) };
        let [media, control] =
            [port & !1, port | 1].map(|port| self.expected(port, protocol::UDP, self.once()));
        self.hearer.expect(media).map_err(|_| Reason::HelperExpectation)?;
        self.hearer.expect(control).map_err(|_| {
            self.hearer.unexpect(&media);
            Reason::HelperExpectation
        })
    }

    fn announce_stack(&mut self, found: Option<&Found>) -> Result<(), Reason> {
        let Some(port) = found.and_then(|found| self.own_port(found)) else { return Ok(()) };
        let terms = Terms { times: Times::Any, ..self.once() };
        self.expect(port, protocol::TCP, terms)
    }

    /// The port of an address that is the sender's own.
    fn own_port(&self, found: &Found) -> Option<u16> {
        let (host, port) = self.ends.address(self.octets, found)?;
        (host == self.ends.sender && port != 0).then_some(port)
    }

    fn expect(&mut self, port: u16, protocol: u8, terms: Terms) -> Result<(), Reason> {
        let expected = self.expected(port, protocol, terms);
        self.hearer.expect(expected).map_err(|_| Reason::HelperExpectation)
    }

    /// Who is told to, at this port of the sender.
    const fn expected(&self, port: u16, protocol: u8, terms: Terms) -> Expected {
        let to = (self.ends.sender, port);
        Expected { from: Some(self.ends.receiver), from_port: None, to, protocol, terms }
    }

    const fn once(&self) -> Terms {
        Terms::once(self.most, SECONDS)
    }
}

/// The protocol discriminator of Q.931.
const Q931: u8 = 8;
/// The element in which H.225.0 is.
const USER_USER: u8 = 0x7e;

/// FacilityReason: callForwarded.
const CALL_FORWARDED: u32 = 1;
/// DataProtocolCapability: separateLANStack.
const SEPARATE_STACK: u32 = 10;

/// For how long a connection is expected.
const SECONDS: u32 = 240;
