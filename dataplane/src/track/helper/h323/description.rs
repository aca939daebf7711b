//! What is a type of ASN.1, to who steps over it? What takes how many bits, what has a length of its own, what may be
//! absent, what later editions have added; and what is to be noted on the way.

/// A type, as far as it takes to step over it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    /// NULL.
    Null,
    /// BOOLEAN, an INTEGER of less than 256 values, a string of two octets: so many bits.
    Bits(u8),
    /// An INTEGER of up to 65536 values, a string of one length: so many octets, aligned.
    Octets(u8),
    /// The address of a host, of so many octets.
    Host(u8),
    /// An INTEGER that says a time in seconds, from 1 on.
    Seconds,
    /// What says first how long it is.
    Counted(Counted),
    /// SEQUENCE.
    Sequence(&'static Sequence),
    /// SEQUENCE OF.
    List(&'static List),
    /// CHOICE.
    Choice(&'static Choice),
}

/// So many units as are said, and `least` more, aligned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) length: Length,
    pub(super) least: u32,
    /// Bits.
    pub(super) unit: u32,
}

/// How a length is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Length {
    /// In so many bits, eight at most.
    Bits(u8),
    /// In an octet.
    Octet,
    /// In two octets.
    TwoOctets,
    /// In an octet, or two if the first begins with a one.
    General,
}

/// SEQUENCE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sequence {
    pub(super) root: &'static [Field],
    /// Components of the root that may be absent.
    pub(super) optional: u8,
    /// Whether the root is read up to its end.
    pub(super) is_whole: bool,
    pub(super) additions: Option<Additions>,
}

/// SEQUENCE OF, in its general form.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub(super) item: Field,
    /// So many are noted.
    pub(super) most: u32,
}

/// CHOICE.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) root: &'static [Field],
    pub(super) additions: Option<Additions>,
    /// Whether it is noted what is chosen.
    pub(super) is_noted: bool,
}

/// What later editions have added to a type, each with its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Additions {
    /// So many are known.
    pub(super) known: u8,
    pub(super) read: &'static [(u8, Field)],
    /// From which on nothing follows any more.
    pub(super) stops: u8,
}

/// A component or an alternative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) what: Type,
    /// What it is; what lies within is noted under that name.
    pub(super) role: Role,
    pub(super) is_read: bool,
    pub(super) is_optional: bool,
    /// Whether it has a length of its own.
    pub(super) is_open: bool,
    /// Nothing follows any more.
    pub(super) stops: bool,
}

/// What something that was found is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Role {
    /// A part of what it lies within.
    #[default]
    None,
    /// Nothing to be noted.
    Other,
    /// RAS: a gatekeeper's address.
    Gatekeeper,
    /// RAS: a registration begins.
    Registration,
    /// RAS: where it is to be called.
    Registered,
    /// RAS: for how long it asks.
    AskedTime,
    /// RAS: it is confirmed.
    Confirmation,
    /// RAS: for how long.
    ConfirmedTime,
    /// RAS: it is taken back.
    Withdrawal,
    /// RAS: where to call, says an admission.
    Admitted,
    /// RAS: where to call, says a location.
    Located,
    /// H.225.0: where H.245 is spoken.
    Control,
    /// H.225.0: why there is a facility.
    Reason,
    /// H.225.0: a message of H.245 begins.
    Tunnelled,
    /// H.245: a channel begins.
    Channel,
    /// H.245: what goes through it.
    Data,
    /// H.245: where media are awaited.
    Media,
    /// H.245: where T.120 is spoken.
    Stack,
    /// The same, in an answer.
    StackOfAck,
}

impl Role {
    /// Whether it is noted that it is there.
    pub(super) const fn is_mark(self) -> bool {
        matches!(
            self,
            Self::Registration | Self::Confirmation | Self::Withdrawal | Self::Tunnelled | Self::Channel
        )
    }
}

impl Sequence {
    /// Of these components, and no others ever.
    pub(super) const fn of(root: &'static [Field]) -> Self {
        let (mut optional, mut at) = (0, 0);
        while at < root.len() {
            optional += root[at].is_optional as u8;
            at += 1;
        }
        Self { root, optional, is_whole: true, additions: None }
    }

    /// Others follow that are of no matter, of which so many may be absent.
    pub(super) const fn and_others(self, optional: u8) -> Self {
        Self { optional: self.optional + optional, is_whole: false, ..self }
    }

    /// With so many known additions.
    pub(super) const fn with(self, known: u8) -> Self {
        self.reading(known, &[], u8::MAX)
    }

    /// With so many, of which these are read, up to `stops`.
    pub(super) const fn reading(self, known: u8, read: &'static [(u8, Field)], stops: u8) -> Self {
        Self { additions: Some(Additions { known, read, stops }), ..self }
    }
}

impl Choice {
    /// Among these, and no others ever.
    pub(super) const fn among(root: &'static [Field]) -> Self {
        Self { root, additions: None, is_noted: false }
    }

    /// With so many known additions.
    pub(super) const fn with(self, known: u8) -> Self {
        self.reading(known, &[], u8::MAX)
    }

    /// With so many, of which these are read; nothing follows behind those from `stops` on.
    pub(super) const fn reading(self, known: u8, read: &'static [(u8, Field)], stops: u8) -> Self {
        Self { additions: Some(Additions { known, read, stops }), ..self }
    }

    pub(super) const fn noted(self) -> Self {
        Self { is_noted: true, ..self }
    }

    /// Bits that say which.
    pub(super) const fn bits(&self) -> u8 {
        (usize::BITS - (self.root.len() - 1).leading_zeros()) as u8
    }
}

/// A component to step over.
pub(super) const fn has(what: Type) -> Field {
    Field { what, role: Role::None, is_read: false, is_optional: false, is_open: false, stops: false }
}

/// One to be read.
pub(super) const fn read(what: Type, role: Role) -> Field {
    Field { role, is_read: true, ..has(what) }
}

/// An alternative behind which nothing follows.
pub(super) const STOP: Field = Field { stops: true, ..has(Type::Null) };

impl Field {
    pub(super) const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    pub(super) const fn open(self) -> Self {
        Self { is_open: true, ..self }
    }
}
