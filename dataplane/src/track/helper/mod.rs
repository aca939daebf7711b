//! Which connections does this packet announce? Helpers read FTP, TFTP, IRC, Amanda, SANE, SIP, PPTP and H.323,
//! where a rule told them to.
//!
//! A helper sees the packets of its connections that pass, and tells its [`Hearer`] whom to expect. As in the kernel
//! each has a bound to what one connection may announce at a time, and for how long; what is one more takes the place of
//! the oldest. Each reads one packet at a time: what is cut in two is not put together.

mod amanda;
mod ftp;
mod h323;
mod irc;
mod pptp;
mod sane;
mod sip;
mod text;
mod tftp;

use config::policy::HelperKind;
use zerocopy::FromZeros;

use h323::Language;

use super::expect::{Announced, Class, End, Expectations, Handle, Own, Refused, Terms, Times};
use super::{CtState, Direction};
use crate::flow::FlowHash;
use crate::frame::Frame;
use crate::packet::{Packet, protocol};
use crate::reason::Reason;
use crate::time::Tick;

pub use ftp::LONGEST_LINE;
pub use sip::LASTS as SIP_LASTS;
pub use text::LONGEST_TEXT;

/// What a connection's helper remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Helped {
    /// Its helper, by number from 1.
    helper: u8,
    /// The helper of the connection that announced this one, likewise.
    expected_by: u8,
    sane: sane::Asked,
    lines: ftp::Lines,
    sip: sip::Requests,
    pptp: pptp::Control,
    registration: h323::Registration,
    framing: h323::Framing,
    /// What it has announced.
    pub announced: Own,
}

impl Helped {
    /// By this helper.
    #[must_use]
    pub fn by(helper: HelperKind) -> Self {
        Self { helper: helper as u8 + 1, ..Self::default() }
    }

    /// A connection that a connection with this helper announced.
    #[must_use]
    pub fn expected_by(helper: HelperKind) -> Self {
        Self { expected_by: helper as u8 + 1, ..Self::default() }
    }

    /// The GRE of a call of PPTP, by its hash.
    #[must_use]
    pub fn of_call(gre: FlowHash) -> Self {
        Self { pptp: pptp::Control::of_call(gre), ..Self::expected_by(HelperKind::Pptp) }
    }

    /// Whether its end is to be told: [`Self::finish`].
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.is_missed_at_once() || !self.announced.is_empty()
    }

    /// Whether that is to be told in time.
    #[must_use]
    pub fn is_missed_at_once(&self) -> bool {
        self.pptp.is_missed()
    }

    /// It ends as a packet asks: what names its call is taken back. Its client and server, each with the number of its
    /// call, and its zone, if it is a control connection of PPTP.
    pub fn hang_up(&mut self, expectations: &Expectations) -> Option<([End; 2], u16)> {
        std::mem::take(&mut self.pptp).hang_up(expectations)
    }

    /// The connection has ended: by its timeout, or for want of room.
    pub fn finish(&self, expectations: &Expectations, now: Tick) {
        if self.is_missed() {
            self.pptp.finish(expectations, now);
            expectations.forget(&mut self.announced.clone(), |_| true);
        }
    }

    /// Gives it a helper.
    pub const fn give(&mut self, helper: HelperKind) {
        self.helper = helper as u8 + 1;
    }

    /// Its helper.
    #[must_use]
    pub fn helper(&self) -> Option<HelperKind> {
        of_number(self.helper)
    }

    /// The helper of the connection that announced it.
    #[must_use]
    pub fn announced_by(&self) -> Option<HelperKind> {
        of_number(self.expected_by)
    }
}

fn of_number(number: u8) -> Option<HelperKind> {
    HelperKind::ALL.get(usize::from(number).checked_sub(1)?).copied()
}

/// Who is to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Who calls; nobody in particular without.
    pub from: Option<u128>,
    /// From which L4 port, or by which number of a call; from any without.
    pub from_port: Option<u16>,
    /// Whom, at which L4 port.
    pub to: (u128, u16),
    /// Over which transport protocol.
    pub protocol: u8,
    /// How.
    pub terms: Terms,
}

impl Expected {
    /// Once, over TCP, for so many seconds; so many may be announced.
    const fn over_tcp(from: Option<u128>, to: (u128, u16), most: usize, seconds: u32) -> Self {
        Self { from, from_port: None, to, protocol: protocol::TCP, terms: Terms::once(most, seconds) }
    }

    /// The same, as expectations know it.
    #[must_use]
    pub fn announced(&self, version: u8, zone: u16) -> Announced {
        let announced = Announced::new(self.from.unwrap_or(0), self.to, self.protocol, version, zone);
        let announced = if self.from.is_none() { announced.from_anyone() } else { announced };
        self.from_port.map_or(announced, |port| announced.from_port(port))
    }
}

/// Who is told what a helper reads, while it reads.
pub trait Hearer {
    /// A connection is announced.
    ///
    /// # Errors
    /// If it cannot be expected.
    fn expect(&mut self, expected: Expected) -> Result<(), Refused>;

    /// The connection that is read lasts so many milliseconds from now on.
    fn lasts(&mut self, milliseconds: u32);

    /// One that was announced is not to be expected after all.
    fn unexpect(&mut self, expected: &Expected);

    /// Whether another connection with this helper has announced the like.
    fn is_expected_elsewhere(&self, expected: &Expected) -> bool;

    /// Nothing of these classes is expected any more.
    fn forget(&mut self, is_meant: fn(Class) -> bool);

    /// A registration at this host and L4 port, over this protocol, is confirmed for so many milliseconds; `false` if there
    /// is none.
    fn confirm(&mut self, to: (u128, u16), protocol: u8, milliseconds: u32) -> bool;

    /// The zone of the connection.
    fn zone(&self) -> u16;

    /// GRE from one end of a call to the other is named by the call from now on, or was before by this `handle`.
    ///
    /// # Errors
    /// If the handle says otherwise already, or there is no room.
    fn name(&mut self, handle: &mut Handle, sender: End, receiver: End) -> Result<(), Refused>;

    /// That holds no longer.
    fn take_back(&mut self, handle: &mut Handle);

    /// The call between these ends is over, and all GRE of it.
    fn end_call(&mut self, one: End, other: End);
}

/// What a packet is, to its helper.
#[derive(Debug)]
pub struct Heard<'a, F: ?Sized> {
    /// The packet.
    pub packet: &'a Packet,
    /// Its bytes.
    pub frame: &'a F,
    /// What the tracker said of it.
    pub state: CtState,
    /// Which way it goes.
    pub direction: Direction,
}

impl<F: ?Sized> Clone for Heard<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: ?Sized> Copy for Heard<'_, F> {}

/// Tells `hearer` what a packet of a connection with a helper announces.
///
/// # Errors
/// Why it must not pass: [`Reason::HelperPartial`] if it says half of something, [`Reason::HelperExpectation`] if what it
/// announces cannot be expected, [`Reason::HelperUnsure`] if nobody can tell whether it can.
pub fn follow<F: Frame + ?Sized, H: Hearer>(
    helped: &mut Helped,
    heard: Heard<'_, F>,
    hearer: &mut H,
) -> Result<(), Reason> {
    let Heard { packet, frame, direction, .. } = heard;
    // Until there has been traffic both ways, nothing is read of TCP.
    let goes_on = heard.state == CtState::Established;
    let announced = match helped.helper() {
        Some(HelperKind::Tftp) => tftp::follow(packet, frame, direction),
        Some(HelperKind::Sip) => {
            let is_expected = helped.announced_by().is_some();
            return sip::follow(&mut helped.sip, heard, is_expected, hearer);
        }
        Some(HelperKind::Ras) => {
            let is_expected = helped.announced_by().is_some();
            return h323::follow_ras(&mut helped.registration, heard, is_expected, hearer);
        }
        Some(HelperKind::Q931) if goes_on => {
            return h323::follow(&mut helped.framing, Language::Q931, heard, hearer);
        }
        Some(HelperKind::H245) if goes_on => {
            return h323::follow(&mut helped.framing, Language::H245, heard, hearer);
        }
        Some(HelperKind::Amanda) => return amanda::follow(packet, frame, direction, hearer),
        Some(HelperKind::Ftp) if goes_on => ftp::follow(&mut helped.lines, packet, frame, direction)?,
        Some(HelperKind::Irc) if goes_on => irc::follow(packet, frame, direction),
        Some(HelperKind::Sane) if goes_on => sane::follow(&mut helped.sane, packet, frame, direction),
        Some(HelperKind::Pptp) => return pptp::follow(&mut helped.pptp, heard, hearer),
        Some(HelperKind::Ftp | HelperKind::Irc | HelperKind::Sane | HelperKind::Q931 | HelperKind::H245)
        | None => None,
        // as in the kernel, these are for packets that the host itself sends to everybody
        Some(HelperKind::NetbiosNs | HelperKind::Snmp) => None,
    };
    match announced {
        Some(expected) => hearer.expect(expected).map_err(|_| Reason::HelperExpectation),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
