//! Which connections does this packet announce? Helpers read FTP and TFTP, where a rule told them to.
//!
//! A helper sees the packets of its connections that pass, and answers with the one connection to expect, if there is
//! one. As in the kernel each helper expects one connection at a time for each of its own, for five minutes; the next
//! takes the place of the one before.

mod ftp;
mod tftp;

use config::policy::HelperKind;
use zerocopy::FromZeros;

use super::expect::Handle;
use super::{CtState, Direction};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::reason::Reason;

pub use ftp::LONGEST_LINE;

/// How long a connection is expected, in milliseconds.
pub const EXPECTED_FOR: u32 = 300_000;

/// What a connection's helper remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Helped {
    /// Its helper, by number from 1.
    helper: u8,
    /// The helper of the connection that announced this one, likewise.
    expected_by: u8,
    lines: ftp::Lines,
    /// What it has announced.
    pub announced: Handle,
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
    /// Who calls, from any port.
    pub from: u128,
    /// Whom, at which L4 port.
    pub to: (u128, u16),
}

/// What a packet of a connection with a helper announces.
///
/// # Errors
/// [`Reason::HelperPartial`]: the packet says half of it, and must not pass.
pub fn follow<F: Frame + ?Sized>(
    helped: &mut Helped,
    packet: &Packet,
    frame: &F,
    state: CtState,
    direction: Direction,
) -> Result<Option<Expected>, Reason> {
    match helped.helper() {
        // Until there has been traffic both ways nothing is read.
        Some(HelperKind::Ftp) if state == CtState::Established => {
            ftp::follow(&mut helped.lines, packet, frame, direction)
        }
        Some(HelperKind::Tftp) => Ok(tftp::follow(packet, frame, direction)),
        Some(HelperKind::Ftp) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
