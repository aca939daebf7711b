//! What is known of a packet besides its bytes, as nft names it?

use super::Type;

macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident = $name:literal: $kind:expr;)*) => {
        /// What is known of a packet besides its bytes, as nft names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum MetaKey {
            $($(#[$doc])* $key,)*
        }

        impl MetaKey {
            /// Every key.
            pub const ALL: &'static [Self] = &[$(Self::$key),*];

            /// What nft calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// The type of what it yields.
            #[must_use]
            pub const fn kind(self) -> Type {
                match self {
                    $(Self::$key => $kind,)*
                }
            }
        }
    };
}

keys! {
    /// `meta length`
    Length = "length": Type::Integer(32);
    /// `meta protocol`
    Protocol = "protocol": Type::EtherType;
    /// `meta nfproto`
    NfProto = "nfproto": Type::NfProto;
    /// `meta l4proto`
    L4Proto = "l4proto": Type::InetProto;
    /// `iifname`
    IifName = "iifname": Type::IfName;
    /// `oifname`
    OifName = "oifname": Type::IfName;
    /// `iif`, given by name
    Iif = "iif": Type::IfIndex;
    /// `oif`, given by name
    Oif = "oif": Type::IfIndex;
    /// `meta mark`
    Mark = "mark": Type::Mark;
    /// `iiftype`
    IifType = "iiftype": Type::IfType;
    /// `oiftype`
    OifType = "oiftype": Type::IfType;
    /// `meta pkttype`
    PktType = "pkttype": Type::PktType;
    /// `meta random`
    Random = "random": Type::Integer(32);
    /// `meta time`
    Time = "time": Type::Time;
    /// `meta day`
    Day = "day": Type::Day;
    /// `meta hour`
    Hour = "hour": Type::Hour;
}

impl MetaKey {
    /// Whether nft writes it without `meta`.
    #[must_use]
    pub const fn stands_alone(self) -> bool {
        matches!(self, Self::IifName | Self::OifName | Self::Iif | Self::Oif)
    }

    /// Whether nft reads it without `meta`.
    #[must_use]
    pub const fn may_stand_alone(self) -> bool {
        !matches!(self, Self::Length | Self::Protocol | Self::NfProto | Self::L4Proto | Self::Random)
    }

    /// Whether it depends on the clock.
    #[must_use]
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Day | Self::Hour)
    }
}
