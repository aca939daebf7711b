//! Which streams does a session description announce? RFC 4566: `c=IN IP4 192.0.2.1` says where, for the session or
//! for one medium, and `m=audio 4000 RTP/AVP 0` at which port.
//!
//! Each stream has two ports, an even one and the next (RFC 3550, section 11), and comes from the other end of the
//! connection that is read.

use super::super::{Class, Expected, Hearer, Refused, Terms, protocol};
use super::Message;
use super::address;
use super::line::{Place, Sought, begins, next_line, number};
use crate::packet::Network;
use crate::reason::Reason;

/// Tells what a message's description announces, if it has one.
///
/// # Errors
/// [`Reason::HelperPartial`] if it cannot be followed, [`Reason::HelperExpectation`] if a stream cannot be expected.
pub(super) fn follow<H: Hearer>(message: &Message<'_>, hearer: &mut H) -> Result<(), Reason> {
    let Message { text, network, .. } = *message;
    let Some(version) = line(text, 0, VERSION, None, network).found() else { return Ok(()) };
    let connection = |at| {
        let place = line(text, at, CONNECTION, Some(MEDIUM), network).found()?;
        address::plain(text, place.at, network).map(|(host, _)| host)
    };
    let of_session = connection(version.at);
    let (mut at, mut streams) = (version.at, 0);
    while streams < KINDS.len() {
        let Some(medium) = line(text, at, MEDIUM, None, network).found() else { break };
        let kind = KINDS
            .iter()
            .find(|kind| medium.length >= kind.word.len() && text[medium.at..].starts_with(kind.word));
        let Some(kind) = kind else {
            at = medium.end();
            continue;
        };
        at = medium.at + kind.word.len();
        let port = number(&text[at..]).unwrap_or(0);
        if port == 0 {
            continue;
        }
        let port = u16::try_from(port).ok().filter(|port| *port >= 1024).ok_or(Reason::HelperPartial)?;
        let host = connection(at).or(of_session).ok_or(Reason::HelperPartial)?;
        expect(message, (host, port), kind, hearer)?;
        streams += 1;
    }
    Ok(())
}

/// Expects a stream. One that goes to another host than the sender is none of ours; one that another connection has
/// announced is expected already: a call may come by several ways.
fn expect<H: Hearer>(
    message: &Message<'_>,
    (host, port): (u128, u16),
    kind: &Kind,
    hearer: &mut H,
) -> Result<(), Reason> {
    if host != message.sender {
        return Ok(());
    }
    let terms = Terms { class: kind.class, ..Terms::once(kind.most, STREAM_EXPECTED_FOR) };
    let to_port = |port| Expected {
        from: Some(message.receiver),
        from_port: None,
        to: (host, port),
        protocol: protocol::UDP,
        terms,
    };
    if hearer.is_expected_elsewhere(&to_port(port)) {
        return Ok(());
    }
    let [stream, control] = [to_port(port & !1), to_port(port | 1)];
    let made = hearer.expect(stream);
    if !matches!(made, Ok(()) | Err(Refused::Known)) {
        return Err(Reason::HelperExpectation);
    }
    match hearer.expect(control) {
        Ok(()) | Err(Refused::Known) => Ok(()),
        Err(_) => {
            if made.is_ok() {
                hearer.unexpect(&stream);
            }
            Err(Reason::HelperExpectation)
        }
    }
}

/// What a line that begins so is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line(&'static [u8]);

const VERSION: Line = Line(b"v=");
const CONNECTION: Line = Line(b"c=");
const MEDIUM: Line = Line(b"m=");

/// The first such line from `at` on, before one that begins as `end` does.
fn line(text: &[u8], mut at: usize, sought: Line, end: Option<Line>, network: Network) -> Sought {
    while let Some(start) = next_line(text, at) {
        at = start + 1;
        let rest = &text[start..];
        if end.is_some_and(|end| begins(rest, end.0)) {
            break;
        }
        if begins(rest, sought.0) {
            let value = start + sought.0.len();
            return said(text, value, sought, network).map_or(Sought::Broken(value), Sought::Found);
        }
    }
    Sought::None
}

fn said(text: &[u8], at: usize, sought: Line, network: Network) -> Option<Place> {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (at, length) = match sought {
        VERSION => (at, digits(at)),
        CONNECTION => {
            let word: &[u8] = if network == Network::Ipv4 { b"IN IP4 " } else { b"IN IP6 " };
            let last = text.len().checked_sub(word.len())?;
            let mut from = at..last;
            let found =
                from.find(|at| matches!(text[*at], b'\r' | b'\n') || text[*at..].starts_with(word))?;
            let at = found + word.len();
            if !text[found..].starts_with(word) {
                return None;
            }
            (at, address::plain(text, at, network)?.1 - at)
        }
        _ => {
            let letters = text[at..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            if text.get(at + letters) != Some(&b' ') {
                return None;
            }
            (at, letters + 1 + digits(at + letters + 1))
        }
    };
    (length > 0).then_some(Place { at, length })
}

/// A kind of streams.
#[derive(Debug)]
struct Kind {
    word: &'static [u8],
    class: Class,
    /// Ports of it that one connection may announce at a time.
    most: usize,
}

const KINDS: [Kind; 3] = [
    Kind { word: b"audio ", class: Class::Audio, most: 4 },
    Kind { word: b"video ", class: Class::Video, most: 4 },
    Kind { word: b"image ", class: Class::Image, most: 2 },
];

/// How long a stream is expected, in seconds.
const STREAM_EXPECTED_FOR: u32 = 180;
