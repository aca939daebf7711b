//! What kind of segment is it? Its flags decide, and most combinations of flags are none at all.

use crate::packet::flag::{ACK, FIN, RST, SYN, URG};

/// The kind of a segment, for the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Class {
    /// Asks for a connection.
    Syn,
    /// Agrees to one.
    SynAck,
    /// Ends the sender's stream.
    Fin,
    /// Everything in between: data, acknowledgements.
    Ack,
    /// Aborts.
    Reset,
    /// No segment yet.
    #[default]
    None,
}

impl Class {
    /// How many kinds of segment there are.
    pub(super) const COUNT: usize = 5;

    /// The kind of a segment with these flags; `None` if no TCP sends them together. PSH, ECE and CWR do not
    /// count.
    #[must_use]
    pub const fn of(flags: u8) -> Option<Self> {
        const SYN_URG: u8 = SYN | URG;
        const SYN_ACK: u8 = SYN | ACK;
        const RST_ACK: u8 = RST | ACK;
        const FIN_ACK: u8 = FIN | ACK;
        const FIN_ACK_URG: u8 = FIN | ACK | URG;
        const ACK_URG: u8 = ACK | URG;
        match flags & (FIN | SYN | RST | ACK | URG) {
            SYN | SYN_URG => Some(Self::Syn),
            SYN_ACK => Some(Self::SynAck),
            FIN_ACK | FIN_ACK_URG => Some(Self::Fin),
            ACK | ACK_URG => Some(Self::Ack),
            RST | RST_ACK => Some(Self::Reset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class;
    use crate::packet::flag::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};

    #[test]
    fn nine_combinations_of_thirty_two_are_valid() {
        let valid = [
            (SYN, Class::Syn),
            (SYN | URG, Class::Syn),
            (SYN | ACK, Class::SynAck),
            (FIN | ACK, Class::Fin),
            (FIN | ACK | URG, Class::Fin),
            (ACK, Class::Ack),
            (ACK | URG, Class::Ack),
            (RST, Class::Reset),
            (RST | ACK, Class::Reset),
        ];
        for flags in 0..=u8::MAX {
            let counted = flags & !(PSH | ECE | CWR);
            let expected = valid.iter().find(|(flags, _)| *flags == counted).map(|(_, class)| *class);
            assert_eq!(Class::of(flags), expected, "{flags:#04x}");
        }
    }

    #[test]
    fn scans_are_no_segments() {
        let xmas = FIN | PSH | URG;
        for flags in [0, FIN, SYN | FIN, SYN | RST, xmas, 0xff, SYN | ACK | URG, RST | ACK | URG] {
            assert_eq!(Class::of(flags), None, "{flags:#04x}");
        }
    }
}
