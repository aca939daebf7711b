//! What stands at the ends of a wire, and which chains does a packet on it meet?

use crate::classify::Path;
use crate::classify::facts::Home;
use crate::io::Side;
use config::policy::Value;

/// Which chains see the packets of a wire, and by which names they know its interfaces (as
/// [`config::policy::interface_value`] gives them).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// In front of a host: its INPUT and OUTPUT chains.
    Guard {
        /// The protected interface.
        interface: Value,
    },
    /// Between two networks: the FORWARD chains.
    Transit {
        /// The interface that faces the outside.
        outside: Value,
        /// The interface that faces the inside.
        inside: Value,
    },
}

impl Role {
    /// The chains a packet from `from` meets.
    #[must_use]
    pub const fn path(&self, from: Side) -> &'static Path {
        match (self, from) {
            (Self::Guard { .. }, Side::Outside) => &Path::GUARD_INWARD,
            (Self::Guard { .. }, Side::Inside) => &Path::GUARD_OUTWARD,
            (Self::Transit { .. }, _) => &Path::TRANSIT,
        }
    }

    /// The interfaces a packet from `from` comes in and goes out by.
    #[must_use]
    pub const fn interfaces(&self, from: Side) -> (Option<Value>, Option<Value>) {
        match (*self, from) {
            (Self::Guard { interface }, Side::Outside) => (Some(interface), None),
            (Self::Guard { interface }, Side::Inside) => (None, Some(interface)),
            (Self::Transit { outside, inside }, Side::Outside) => (Some(outside), Some(inside)),
            (Self::Transit { outside, inside }, Side::Inside) => (Some(inside), Some(outside)),
        }
    }

    /// At which end of a packet from `from` the protected host is.
    #[must_use]
    pub const fn home(&self, from: Side) -> Home {
        match (self, from) {
            (Self::Guard { .. }, Side::Outside) => Home::Destination,
            (Self::Guard { .. }, Side::Inside) => Home::Source,
            (Self::Transit { .. }, _) => Home::Neither,
        }
    }

    /// Whether a packet from `from` ends at the protected host, where datagrams are whole before rules see them.
    #[must_use]
    pub const fn ends_here(&self, from: Side) -> bool {
        matches!((self, from), (Self::Guard { .. }, Side::Outside))
    }
}
