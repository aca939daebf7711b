//! What does a packet mean for its connection? State machines equal to Linux connection tracking (kernel 6.18).
//!
//! The tracker labels packets; it never drops one. The caller parses, finds the flow by its
//! [`FlowKey`] and asks:
//!
//! 1. [`icmp::role`] of an ICMP packet: an error goes to [`icmp::relate`] with the flow of the packet it quotes,
//!    neighbour discovery is not tracked, a query goes on;
//! 2. no flow: [`open`] says whether one may begin, and hands it over to be stored if the packet is accepted;
//! 3. a flow: [`update`] moves it on. That holds whatever the rules say of the packet afterwards.
//!
//! 4. a flow with a helper whose packet passes: [`helper::follow`] says what it announces, and [`expect`] remembers.
//!
//! Limits: no address translation, no synproxy. Fragments and packets
//! that the IP layer refuses never come here.

pub mod expect;
pub mod extra;
pub mod flow;
pub mod helper;
pub mod icmp;
pub mod record;
pub mod sctp;
mod stream;
pub mod tcp;
pub mod timeouts;

use config::policy::ct_state;

use crate::eights::{EIGHT, Has};
use crate::flow::{FlowKey, Orientation};
use crate::frame::Frame;
use crate::packet::abreast::Eight;
use crate::packet::{Network, Packet, Short, protocol};
use crate::reason::Reason;
use crate::time::Tick;

pub use expect::Expectations;
pub use extra::{Extra, OwnTimeouts};
pub use flow::{Flow, Protocol, Status, WayNumber};
pub use record::{LAYOUT, More, Record};
pub use timeouts::Timeouts;

/// What the rules see as `ct state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CtState {
    /// The packet never meets the tracker.
    None,
    /// Starts a connection, or goes on before any reply.
    New,
    /// A reply has been seen, or this is it.
    Established,
    /// An ICMP error about a known connection.
    Related,
    /// Belongs to no connection and starts none, or the tracker refused it.
    Invalid,
    /// Left out of connection tracking.
    Untracked,
}

impl CtState {
    /// Every state, in the order of its number.
    pub const ALL: [Self; 6] =
        [Self::None, Self::New, Self::Established, Self::Related, Self::Invalid, Self::Untracked];

    /// The word for it in verdict files and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::New => "new",
            Self::Established => "established",
            Self::Related => "related",
            Self::Invalid => "invalid",
            Self::Untracked => "untracked",
        }
    }

    /// Its bit in a `ct state` test: one of [`ct_state`]. A packet without a connection counts as invalid there.
    #[must_use]
    pub const fn bit(self) -> u32 {
        match self {
            Self::None | Self::Invalid => ct_state::INVALID,
            Self::New => ct_state::NEW,
            Self::Established => ct_state::ESTABLISHED,
            Self::Related => ct_state::RELATED,
            Self::Untracked => ct_state::UNTRACKED,
        }
    }
}

/// Which way along a flow a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Direction {
    /// As its first packet went.
    #[default]
    Original,
    /// Back.
    Reply,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Original => Self::Reply,
            Self::Reply => Self::Original,
        }
    }
}

/// How connections are tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Whether a TCP connection may be picked up in the middle (`nf_conntrack_tcp_loose`).
    pub tcp_loose: bool,
    /// How long a silent flow is remembered.
    pub timeouts: Timeouts,
}

/// What the first packet of an unknown tuple means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `ct state new`: to be stored if the packet is accepted, and to end after so many milliseconds.
    New(Flow, u32),
    /// `ct state invalid`.
    Invalid(Reason),
    /// `ct state untracked`.
    Untracked,
}

/// What a packet of a known flow means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It belongs.
    Valid {
        /// [`CtState::New`], [`CtState::Established`] or, of an expected flow, [`CtState::Related`].
        state: CtState,
        /// Milliseconds from now to the new deadline; `None` leaves the deadline as it is.
        timeout: Option<u32>,
    },
    /// `ct state invalid`; the flow stays.
    Invalid {
        /// Why.
        reason: Reason,
        /// The deadline comes at most so many milliseconds from now: an earlier one stays.
        at_most: Option<u32>,
    },
    /// The flow is over: it is to be removed and the packet given to [`open`].
    Restart,
    /// It belongs, and ends the flow, which is to be removed.
    Delete {
        /// [`CtState::New`] or [`CtState::Established`].
        state: CtState,
    },
}

/// The first packet of an unknown tuple. Only SCTP reads the frame again.
#[must_use]
pub fn open<F: Frame + ?Sized>(
    packet: &Packet,
    frame: &F,
    key: FlowKey,
    orientation: Orientation,
    now: Tick,
    settings: &Settings,
) -> Opening {
    if let Some(fault) = packet.fault {
        return Opening::Invalid(fault);
    }
    let timeouts = &settings.timeouts;
    let opened = match (packet.tuple.network, packet.tuple.protocol) {
        (_, protocol::TCP) => {
            tcp::open(&packet.tcp, settings).map(|(tcp, timeout)| (Protocol::Tcp(tcp), timeout))
        }
        (_, protocol::UDP) => Ok((Protocol::Udp, timeouts.udp)),
        (_, protocol::UDPLITE) => Ok((Protocol::UdpLite, timeouts.udp)),
        (_, protocol::GRE) => Ok((Protocol::Gre(0), timeouts.gre)),
        (_, protocol::SCTP) => {
            sctp::open(packet, frame, timeouts).map(|(sctp, timeout)| (Protocol::Sctp(sctp), timeout))
        }
        (network, protocol::ICMP | protocol::ICMPV6) => match icmp::role(&packet.tuple) {
            icmp::Role::Request if network == Network::Ipv4 => Ok((Protocol::Icmp, timeouts.icmp)),
            icmp::Role::Request => Ok((Protocol::Icmpv6, timeouts.icmpv6)),
            icmp::Role::Untracked => return Opening::Untracked,
            icmp::Role::Reply => Err(Reason::IcmpNoRequest),
            icmp::Role::Error => Err(Reason::IcmpErrorNoFlow),
            icmp::Role::Unknown => Err(Reason::IcmpType),
        },
        _ => Ok((Protocol::Generic, timeouts.generic)),
    };
    // in Linux a packet that could be its own answer is one, from the second on
    let orientation = if key.is_its_own_reply() { orientation.reversed() } else { orientation };
    match opened {
        Ok((protocol, timeout)) => Opening::New(Flow::new(key, orientation, now, protocol), timeout),
        Err(reason) => Opening::Invalid(reason),
    }
}

/// As [`open`], of a plain packet of IPv4, in the words of its record. `None` if that takes [`open`] to say.
#[inline]
#[must_use]
pub fn open_plain(
    short: &Short,
    now: Tick,
    settings: &Settings,
) -> Option<Result<([u32; record::WORDS], u32), Reason>> {
    match short.protocol {
        protocol::TCP => tcp::open_plain(short, settings),
        protocol::UDP => Some(Ok(([now.0, 0, 0, 0, 0, 0, 0, 0, 0, 0], settings.timeouts.udp))),
        _ => None,
    }
}

/// A packet of a known flow, going `orientation` along its key. Only SCTP reads the frame again.
#[must_use]
pub fn update<F: Frame + ?Sized>(
    flow: &mut Flow,
    packet: &Packet,
    frame: &F,
    orientation: Orientation,
    now: Tick,
    timeouts: &Timeouts,
) -> Outcome {
    if let Some(reason) = packet.fault {
        return Outcome::Invalid { reason, at_most: None };
    }
    let direction = flow.direction(orientation);
    let state = flow.state(direction);
    let (status, created) = (&mut flow.status, flow.created);
    let step = match &mut flow.protocol {
        Protocol::Tcp(connection) => tcp::update(connection, status, direction, &packet.tcp, timeouts),
        Protocol::Udp => stream::udp(status, created, now, timeouts),
        Protocol::UdpLite => stream::both_ways(status, timeouts.udp, timeouts.udp_stream),
        Protocol::Gre(_) => stream::both_ways(status, timeouts.gre, timeouts.gre_stream),
        Protocol::Icmp => Step::Accept(Some(timeouts.icmp)),
        Protocol::Icmpv6 => Step::Accept(Some(timeouts.icmpv6)),
        Protocol::Generic => Step::Accept(Some(timeouts.generic)),
        Protocol::Sctp(association) => sctp::update(association, status, direction, packet, frame, timeouts),
    };
    let accepted = matches!(step, Step::Accept(_) | Step::Delete);
    if accepted && direction == Direction::Reply {
        flow.status.set(Status::SEEN_REPLY);
    }
    match step {
        Step::Accept(timeout) => Outcome::Valid { state, timeout },
        Step::Refuse(reason, at_most) => Outcome::Invalid { reason, at_most },
        Step::Restart => Outcome::Restart,
        Step::Delete => Outcome::Delete { state },
    }
}

/// A plain packet of a known flow that it leaves in its state, with what it remembers of the rules: milliseconds from
/// now to the new deadline, as [`update`] says. Nothing has happened if there is no answer.
#[inline(always)]
#[must_use]
pub fn go_on(
    record: &mut Record,
    short: &Short,
    direction: Direction,
    now: Tick,
    timeouts: &Timeouts,
) -> Option<u32> {
    if !record.may_remember() {
        return None;
    }
    let created = record.created();
    match record.protocol() {
        protocol::TCP => tcp::go_on(&mut record.words, &mut record.status, direction, short, timeouts),
        protocol::UDP => match stream::udp(&mut record.status, created, now, timeouts) {
            Step::Accept(timeout) => timeout,
            _ => None,
        },
        _ => None,
    }
}

/// As [`go_on`], for eight segments that were read side by side, of different connections of TCP, each of the reply
/// direction where all bits of `replies` are set, or of the original one where none is.
#[inline(always)]
#[must_use]
pub fn go_on_abreast(
    has: Has,
    stored: &mut [(&mut Record, Tick); EIGHT],
    segments: &Eight,
    replies: &[u32; EIGHT],
    timeouts: &Timeouts,
) -> Option<[u32; EIGHT]> {
    if !stored.iter().all(|(record, _)| record.may_remember()) {
        return None;
    }
    let words = stored.each_mut().map(|(record, _)| &mut record.words);
    let timeouts = tcp::go_on_abreast(has, words, segments, replies, timeouts)?;
    for (record, _) in stored {
        record.status.set(Status::ASSURED);
    }
    Some(timeouts)
}

/// What a `reject with tcp reset` of one of its packets does to a stored flow: TCP is closed, and the deadline
/// comes after so many milliseconds. `None` leaves the flow as it is.
pub const fn reset_by_firewall(flow: &mut Flow, timeouts: &Timeouts) -> Option<u32> {
    match &mut flow.protocol {
        Protocol::Tcp(connection) => tcp::reset_by_firewall(connection, timeouts),
        _ => None,
    }
}

/// What one protocol says of a packet of a known flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Valid; the new timeout, if the deadline moves.
    Accept(Option<u32>),
    /// Invalid; how long the flow may last at most.
    Refuse(Reason, Option<u32>),
    /// The packet begins another flow.
    Restart,
    /// Valid, and the end of the flow.
    Delete,
}

#[cfg(test)]
mod tests;
