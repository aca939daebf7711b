//! What is known of a packet that its headers and interfaces do not say?

use super::Connection;
use crate::classify::decision::Template;
use crate::object::{Counted, Numbers};
use config::policy::Value;

/// What else is known of a packet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Its connection, if it has one.
    pub connection: Option<Connection<'a>>,
    /// What rules before connection tracking have put in place of one.
    pub template: Option<Template>,
    /// Whether the chain that is run reads that.
    pub shows_template: bool,
    /// How it is seen by counters of connections, if there are any.
    pub counted: Option<&'a Counted>,
    /// Whether a statement has met something that it has no room for: the packet is dropped.
    pub no_room: bool,
    /// Where the protected host is.
    pub home: Home,
    /// What numbers are drawn from.
    pub draw: Draw<'a>,
}

/// At which end of a packet the protected host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// At neither: it goes through.
    #[default]
    Neither,
    /// The host sends it.
    Source,
    /// The host gets it.
    Destination,
}

/// What the numbers of one packet are drawn from. The same packet gets the same random number from the same rule,
/// whoever runs it; the draws of a rule have numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Draw<'a> {
    /// A random number of this packet's own.
    pub packet: u64,
    /// The rule that runs.
    rule: u32,
    numbers: Option<&'a Numbers>,
}

impl<'a> Draw<'a> {
    /// From this random number.
    #[must_use]
    pub const fn of(packet: u64) -> Self {
        Self { packet, rule: 0, numbers: None }
    }

    /// With counters for the numbers that go up: those of the rules that are run.
    #[must_use]
    pub const fn with(self, numbers: &'a Numbers) -> Self {
        Self { numbers: Some(numbers), ..self }
    }

    /// The values of a list of the policy.
    pub(super) fn list(&self, list: u16) -> Option<&'a [Value]> {
        self.numbers?.list(list)
    }

    /// For this rule from now on.
    #[inline]
    pub(in crate::classify) const fn for_rule(&mut self, rule: u32) {
        self.rule = rule;
    }

    /// A random number.
    pub(super) fn random(&self, draw: u8) -> u32 {
        mix(self.packet ^ (u64::from(self.rule) << 32 | u64::from(draw))) as u32
    }

    /// A number below `modulus`: random, or the next of the rule's own.
    pub(super) fn number(&self, random: bool, modulus: u32, draw: u8) -> Option<u32> {
        if !random {
            return self.numbers?.next(self.rule, draw, modulus);
        }
        let drawn = self.random(draw);
        // As the kernel does it: the high half of a product.
        let below = |modulus: u32| ((u64::from(drawn) * u64::from(modulus)) >> 32) as u32;
        Some(if modulus == 0 { drawn } else { below(modulus) })
    }
}

/// Every bit of the result depends on every bit of `number` (splitmix64).
#[must_use]
pub(in crate::classify) const fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
