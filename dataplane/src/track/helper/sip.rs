//! Which connections does a message of SIP announce? RFC 3261: streams by the descriptions that calls carry, and calls by
//! the registration of a telephone.
//!
//! As Linux does by default, a stream or a call is expected from the other end of the connection only, and only to who
//! sends the message. Streams end with the call (BYE, or a call that was refused); a registration waits for its answer,
//! and lasts as long as that says.

mod address;
mod description;
mod line;

use zerocopy::FromZeros;

use super::text::{self, LONGEST_TEXT, UDP_HEADER};
use super::{Class, Expected, Heard, Hearer, Terms, Times, protocol};
use crate::frame::Frame;
use crate::packet::Network;
use crate::reason::Reason;
use crate::track::CtState;
use config::policy::HelperKind;
use line::{CONTACT, CSEQ, EXPIRES, LENGTH, Place, begins};

/// The numbers of the last requests that were followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(super) struct Requests {
    invite: u32,
    register: u32,
}

/// A message, and the packet it is in.
#[derive(Debug, Clone, Copy)]
struct Message<'a> {
    text: &'a [u8],
    network: Network,
    protocol: u8,
    sender: u128,
    receiver: u128,
    /// Whether its connection was announced by another.
    is_expected: bool,
}

/// Tells what the messages of a packet announce.
///
/// # Errors
/// [`Reason::HelperPartial`] if one cannot be followed, [`Reason::HelperExpectation`] if what it announces cannot be
/// expected.
pub(super) fn follow<F: Frame + ?Sized, H: Hearer>(
    requests: &mut Requests,
    heard: Heard<'_, F>,
    is_expected: bool,
    hearer: &mut H,
) -> Result<(), Reason> {
    let Heard { packet, frame, state, .. } = heard;
    let is_tcp = packet.tuple.protocol == protocol::TCP;
    let header = if is_tcp { usize::from(packet.tcp.header_length) } else { UDP_HEADER };
    if is_tcp && state != CtState::Established {
        return Ok(());
    }
    let Some((start, length)) = text::place(packet, header) else { return Ok(()) };
    hearer.lasts(LASTS);
    if length > LONGEST_TEXT {
        return Err(Reason::HelperPartial);
    }
    let mut buffer = [0; LONGEST_TEXT];
    let Some(text) = text::bytes(frame, (start, length), &mut buffer) else { return Ok(()) };
    if text.len() < SHORTEST {
        return Ok(());
    }
    let tuple = &packet.tuple;
    let (network, protocol) = (tuple.network, tuple.protocol);
    let message =
        Message { text, network, protocol, sender: tuple.source, receiver: tuple.destination, is_expected };
    if !is_tcp {
        return message.follow(requests, hearer);
    }
    let mut rest = text;
    while let Some(length) = length_of(rest, network) {
        let Some((text, behind)) = rest.split_at_checked(length) else { return Ok(()) };
        Message { text, ..message }.follow(requests, hearer)?;
        rest = behind;
    }
    Ok(())
}

/// How long the first message is, by its own word; none if it does not say, or its headers do not end.
fn length_of(text: &[u8], network: Network) -> Option<usize> {
    let said = line::header(text, 0, LENGTH, network).found()?;
    let length = line::number(&text[said.at..])?;
    let end = said.end() + text::find(&text[said.end()..], b"\r\n\r\n")? + 4;
    Some(end.saturating_add(length as usize))
}

impl Message<'_> {
    fn follow<H: Hearer>(&self, requests: &mut Requests, hearer: &mut H) -> Result<(), Reason> {
        if begins(self.text, ANSWER) {
            self.follow_answer(requests, hearer)
        } else {
            self.follow_request(requests, hearer)
        }
    }

    fn follow_request<H: Hearer>(&self, requests: &mut Requests, hearer: &mut H) -> Result<(), Reason> {
        let is_of = |method: &&Method| {
            let (name, behind) = self.text.split_at_checked(method.word.len()).unwrap_or_default();
            let is_named = name.eq_ignore_ascii_case(method.word) && !name.is_empty();
            is_named && matches!(behind, [b' ', letter, ..] if letter.is_ascii_alphabetic())
        };
        let Some(method) = METHODS.iter().find(is_of) else { return Ok(()) };
        let (number, _) = self.number()?;
        match method.what {
            What::Invite => {
                hearer.forget(|class| class != Class::Only);
                description::follow(self, hearer)?;
                requests.invite = number;
            }
            What::Update | What::Ack | What::Prack => description::follow(self, hearer)?,
            What::Bye => hearer.forget(|class| class != Class::Only),
            What::Register => {
                if self.follow_registration(hearer)? {
                    requests.register = number;
                }
            }
        }
        Ok(())
    }

    fn follow_answer<H: Hearer>(&self, requests: &mut Requests, hearer: &mut H) -> Result<(), Reason> {
        if self.text.len() < SHORTEST {
            return Ok(());
        }
        let code = line::number(&self.text[ANSWER.len()..]).filter(|code| *code != 0);
        let code = code.ok_or(Reason::HelperPartial)?;
        let (number, place) = self.number()?;
        let word = self.text.get(place.end() + 1..).unwrap_or_default();
        let Some(method) = METHODS.iter().find(|method| method.is_answered && begins(word, method.word))
        else {
            return Ok(());
        };
        match (method.what, code) {
            (What::Register, _) => self.follow_registered(requests.register == number, code, hearer)?,
            (_, 100..=299) => description::follow(self, hearer)?,
            _ if requests.invite == number => hearer.forget(|class| class != Class::Only),
            _ => {}
        }
        Ok(())
    }

    /// The number of a request, which its answer repeats.
    fn number(&self) -> Result<(u32, Place), Reason> {
        let place = line::header(self.text, 0, CSEQ, self.network).found().ok_or(Reason::HelperPartial)?;
        let number = line::number(&self.text[place.at..]).ok_or(Reason::HelperPartial)?;
        Ok((number, place))
    }

    /// Whether a registration is to be remembered: one of who sends it, for which a call may be expected.
    fn follow_registration<H: Hearer>(&self, hearer: &mut H) -> Result<bool, Reason> {
        if self.is_expected {
            return Ok(false);
        }
        let Some(contact) = self.next_contact(0, &mut false) else { return Ok(false) };
        if contact.to.0 != self.sender || !self.is_over_the_same(contact.place.end()) {
            return Ok(false);
        }
        if self.expires(&contact, self.expires_all())? != 0 {
            let terms = Terms {
                times: Times::AnyConfirmed,
                read_by: Some(HelperKind::Sip),
                ..Terms::once(1, REGISTRATION_EXPECTED_FOR)
            };
            let (from, to, protocol) = (Some(self.receiver), contact.to, self.protocol);
            hearer
                .expect(Expected { from, from_port: None, to, protocol, terms })
                .map_err(|_| Reason::HelperExpectation)?;
        }
        Ok(true)
    }

    /// The answer to a registration, if it is the one that was made last.
    fn follow_registered<H: Hearer>(&self, is_last: bool, code: u32, hearer: &mut H) -> Result<(), Reason> {
        if !is_last || (100..=199).contains(&code) {
            return Ok(());
        }
        if (200..=299).contains(&code) {
            let all = self.expires_all();
            let (mut at, mut in_value) = (0, false);
            while let Some(contact) = self.next_contact(at, &mut in_value) {
                at = contact.place.end();
                if contact.to.0 != self.receiver || !self.is_over_the_same(contact.place.end()) {
                    continue;
                }
                let seconds = self.expires(&contact, all)?;
                if seconds == 0 {
                    break;
                }
                let milliseconds = seconds.min(LONGEST_SECONDS) * 1000;
                if hearer.confirm(contact.to, self.protocol, milliseconds) {
                    return Ok(());
                }
            }
        }
        hearer.forget(|class| class == Class::Only);
        Ok(())
    }

    /// The next host that a registration is of.
    fn next_contact(&self, at: usize, in_value: &mut bool) -> Option<Contact> {
        let place = line::next(self.text, at, CONTACT, in_value, self.network)?;
        let (host, end) = address::host(self.text, place.at, self.network)?;
        let said =
            self.text.get(end).filter(|byte| **byte == b':').and_then(|_| line::port(self.text, end + 1));
        Some(Contact { place, to: (host, said.map_or(PORT, |(port, _)| port)) })
    }

    /// Whether a contact speaks the transport protocol of this connection.
    fn is_over_the_same(&self, at: usize) -> bool {
        let Some(said) = line::parameter(self.text, at, b"transport=") else { return true };
        let word: &[u8] = if self.protocol == protocol::TCP { b"TCP" } else { b"UDP" };
        begins(&self.text[said..], word)
    }

    /// Seconds that a message says for all its contacts.
    fn expires_all(&self) -> u32 {
        let place = line::header(self.text, 0, EXPIRES, self.network).found();
        place.and_then(|place| line::number(&self.text[place.at..])).unwrap_or(0)
    }

    /// Seconds that a contact is for.
    fn expires(&self, contact: &Contact, all: u32) -> Result<u32, Reason> {
        let Some(at) = line::parameter(self.text, contact.place.end(), b"expires=") else { return Ok(all) };
        line::number(&self.text[at..]).ok_or(Reason::HelperPartial)
    }
}

/// Who is to be called.
#[derive(Debug, Clone, Copy)]
struct Contact {
    /// Host and port, as they stand.
    place: Place,
    to: (u128, u16),
}

/// A request, and whether its answer is followed.
#[derive(Debug)]
struct Method {
    word: &'static [u8],
    what: What,
    is_answered: bool,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Invite,
    Update,
    Ack,
    Prack,
    Bye,
    Register,
}

const METHODS: [Method; 6] = [
    Method { word: b"INVITE", what: What::Invite, is_answered: true },
    Method { word: b"UPDATE", what: What::Update, is_answered: true },
    Method { word: b"ACK", what: What::Ack, is_answered: false },
    Method { word: b"PRACK", what: What::Prack, is_answered: true },
    Method { word: b"BYE", what: What::Bye, is_answered: false },
    Method { word: b"REGISTER", what: What::Register, is_answered: true },
];

const ANSWER: &[u8] = b"SIP/2.0 ";
/// `SIP/2.0 200`
const SHORTEST: usize = 11;
/// Where SIP is spoken unless said.
const PORT: u16 = 5060;

/// How long a connection lasts that nobody speaks over, in milliseconds.
pub const LASTS: u32 = 3_600_000;
/// How long a registration waits for its answer.
const REGISTRATION_EXPECTED_FOR: u32 = 180;
/// The longest time a deadline can express.
const LONGEST_SECONDS: u32 = 2_147_483;
