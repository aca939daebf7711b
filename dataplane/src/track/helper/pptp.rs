//! Which GRE packets does a control connection of PPTP announce? RFC 2637: each end numbers a call, and when both numbers
//! are known packets of it are expected either way.
//!
//! ```text
//! | length | 1 | 0x1a2b3c4d | type | 0 | of the message: the sender's number, or the receiver's, or both; ...
//!   16 bits 16   32           16    16
//! ```
//!
//! As in the kernel, who opened the connection is the client (PNS), a connection has one call, and what is said out of
//! turn is not heard. The first message of a packet is read.

use zerocopy::FromZeros;

use super::{Expected, Heard, Hearer, Terms, protocol, text};
use crate::flow::FlowHash;
use crate::frame::Frame;
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::expect::{End, Expectations, Handle, Refused};
use crate::track::{CtState, Direction};

/// What is known of a control connection, or of the GRE of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(super) struct Control {
    session: Session,
    call: Call,
    zone: u16,
    /// Client and server; 0 of the GRE of its call.
    hosts: [u32; 2],
    /// Their numbers.
    numbers: [u16; 2],
    /// By which GRE of the call is named, from the client and from the server.
    names: [Handle; 2],
    /// Of GRE, its hash.
    gre: u64,
}

/// How far the session has come, in the kernel's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Default, FromZeros)]
#[repr(u8)]
enum Session {
    #[default]
    None,
    Failed,
    Stops,
    Asked,
    Stands,
}

/// How far the call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(u8)]
enum Call {
    #[default]
    None,
    OutAsked,
    OutStands,
    InAsked,
    InAnswered,
    InStands,
    Clears,
}

impl Control {
    /// Of GRE with this hash that a control connection announced.
    pub(super) fn of_call(gre: FlowHash) -> Self {
        Self { gre: gre.0, ..Self::default() }
    }

    /// Whether its end is to be told, in time.
    pub(super) fn is_missed(&self) -> bool {
        self.hosts != [0; 2] || self.gre != 0
    }

    /// Nothing is named by its call any more. Client and server with their numbers, and the zone, if it is no call's GRE.
    pub(super) fn hang_up(mut self, expectations: &Expectations) -> Option<([End; 2], u16)> {
        self.names.iter_mut().for_each(|name| expectations.calls().take_back(name));
        if self.gre != 0 {
            expectations.gre_ends(FlowHash(self.gre));
        }
        (self.hosts != [0; 2]).then(|| (self.ends(), self.zone))
    }

    /// It has ended, nobody knows when exactly: so has its call.
    pub(super) fn finish(self, expectations: &Expectations, now: Tick) {
        if let Some(([client, server], zone)) = self.hang_up(expectations) {
            expectations.end_call_sometime(client, server, zone, now);
        }
    }

    fn ends(&self) -> [End; 2] {
        [0, 1].map(|end| (u128::from(self.hosts[end]), self.numbers[end]))
    }
}

/// Follows a packet of a control connection, which is read if there was traffic both ways.
///
/// # Errors
/// [`Reason::HelperExpectation`] if there is no room for the names of its call, [`Reason::HelperUnsure`] if it cannot be
/// told whether the kernel would expect it.
pub(super) fn follow<F: Frame + ?Sized, H: Hearer>(
    control: &mut Control,
    heard: Heard<'_, F>,
    hearer: &mut H,
) -> Result<(), Reason> {
    let Heard { packet, frame, state, direction } = heard;
    let ends = [packet.tuple.source as u32, packet.tuple.destination as u32];
    control.hosts = if direction == Direction::Original { ends } else { [ends[1], ends[0]] };
    control.zone = hearer.zone();
    if state != CtState::Established {
        return Ok(());
    }
    let Some((start, length)) = text::place(packet, usize::from(packet.tcp.header_length)) else {
        return Ok(());
    };
    let mut bytes = [0; READ];
    let read = length.min(READ);
    if read < HEADER || !frame.copy(start, &mut bytes[..read]) || bytes[2..8] != CONTROL {
        return Ok(());
    }
    let (kind, message) = (usize::from(number(&bytes, 8)), &bytes[HEADER..]);
    if LENGTHS.get(kind).is_some_and(|least| length - HEADER < *least) {
        return Ok(());
    }
    match direction {
        Direction::Original => control.client_says(kind, message),
        Direction::Reply => return control.server_says(kind, message, hearer),
    }
    Ok(())
}

impl Control {
    fn client_says(&mut self, kind: usize, message: &[u8]) {
        match kind {
            START_REQUEST if self.session == Session::None => self.session = Session::Asked,
            STOP_REQUEST => self.session = Session::Stops,
            OUT_REQUEST if self.session == Session::Stands => {
                self.call = Call::OutAsked;
                self.numbers[0] = number(message, 0);
            }
            IN_REPLY
                if matches!(self.call, Call::InAsked | Call::InAnswered)
                    && self.numbers[1] == number(message, 2) =>
            {
                if message[4] == GRANTED {
                    self.call = Call::InAnswered;
                    self.numbers[0] = number(message, 0);
                } else {
                    self.call = Call::None;
                }
            }
            CLEAR_REQUEST if self.session == Session::Stands => self.call = Call::Clears,
            _ => {}
        }
    }

    fn server_says<H: Hearer>(&mut self, kind: usize, message: &[u8], hearer: &mut H) -> Result<(), Reason> {
        let stands = self.session == Session::Stands;
        match kind {
            START_REPLY if self.session >= Session::Asked => {
                self.session = if message[2] == GRANTED { Session::Stands } else { Session::Failed };
            }
            STOP_REPLY if self.session <= Session::Stops => {
                self.session = if message[0] == GRANTED { Session::None } else { Session::Failed };
            }
            OUT_REPLY
                if stands
                    && matches!(self.call, Call::OutAsked | Call::OutStands)
                    && self.numbers[0] == number(message, 2) =>
            {
                if message[4] == GRANTED {
                    self.call = Call::OutStands;
                    self.numbers[1] = number(message, 0);
                    return self.announce(hearer);
                }
                self.call = Call::None;
            }
            IN_REQUEST if stands => {
                self.call = Call::InAsked;
                self.numbers[1] = number(message, 0);
            }
            IN_CONNECTED
                if stands
                    && matches!(self.call, Call::InAnswered | Call::InStands)
                    && self.numbers[0] == number(message, 0) =>
            {
                self.call = Call::InStands;
                return self.announce(hearer);
            }
            DISCONNECTED => {
                self.call = Call::None;
                self.names.iter_mut().for_each(|name| hearer.take_back(name));
                let [client, server] = self.ends();
                hearer.end_call(client, server);
            }
            _ => {}
        }
        Ok(())
    }

    /// Packets of the call are expected, and named by it: all of that, or nothing.
    fn announce<H: Hearer>(&mut self, hearer: &mut H) -> Result<(), Reason> {
        let [client, server] = self.ends();
        let (there, back) = (gre(client, server), gre(server, client));
        if let Err(refused) = hearer.expect(there) {
            return told(refused);
        }
        if let Err(refused) = hearer.expect(back) {
            hearer.unexpect(&there);
            return told(refused);
        }
        let Err(refused) = self.name(hearer, client, server) else { return Ok(()) };
        hearer.unexpect(&back);
        hearer.unexpect(&there);
        if refused == Refused::Full { Err(Reason::HelperExpectation) } else { Ok(()) }
    }

    fn name<H: Hearer>(&mut self, hearer: &mut H, client: End, server: End) -> Result<(), Refused> {
        let [there, back] = &mut self.names;
        hearer.name(there, client, server)?;
        let named = hearer.name(back, server, client);
        if named.is_err() {
            self.names.iter_mut().for_each(|name| hearer.take_back(name));
        }
        named
    }
}

/// As in the kernel, a call that is not expected is no reason to drop what announces it, if it is not.
const fn told(refused: Refused) -> Result<(), Reason> {
    match refused {
        Refused::Doubted => Err(Reason::HelperUnsure),
        Refused::Taken | Refused::Known | Refused::Full => Ok(()),
    }
}

/// GRE of a call, from its sender, who numbers it so, to its receiver, likewise.
const fn gre((from, number): End, to: End) -> Expected {
    let terms = Terms::once(MOST, SECONDS);
    Expected { from: Some(from), from_port: Some(number), to, protocol: protocol::GRE, terms }
}

fn number(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Length, kind, magic cookie, and type of the message.
const HEADER: usize = 12;

/// Kind and magic cookie of a control message.
const CONTROL: [u8; 6] = [0, 1, 0x1a, 0x2b, 0x3c, 0x4d];

/// Bytes that are read.
const READ: usize = HEADER + 6;

const START_REQUEST: usize = 1;
const START_REPLY: usize = 2;
const STOP_REQUEST: usize = 3;
const STOP_REPLY: usize = 4;
const OUT_REQUEST: usize = 7;
const OUT_REPLY: usize = 8;
const IN_REQUEST: usize = 9;
const IN_REPLY: usize = 10;
const IN_CONNECTED: usize = 11;
const CLEAR_REQUEST: usize = 12;
const DISCONNECTED: usize = 13;

/// How long a message is at least behind the header, by type (RFC 2637, section 2).
const LENGTHS: [usize; 16] = [0, 144, 144, 4, 4, 0, 0, 156, 20, 208, 12, 16, 4, 136, 28, 12];

/// The result of what is granted, whatever was asked for.
const GRANTED: u8 = 1;

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 2;
const SECONDS: u32 = 300;
