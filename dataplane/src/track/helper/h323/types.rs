//! Of which types are the messages of H.323? ITU-T H.225.0, H.235 and H.245, as far as somebody is announced by them and
//! what stands before it must be stepped over.

pub(super) mod address;
pub(super) mod channel;
pub(super) mod endpoint;
pub(super) mod media;
pub(super) mod ras;
pub(super) mod security;
pub(super) mod signalling;

use super::description::{Choice, Counted, Length, List, Type, has};

/// Components or alternatives by their names in the recommendation.
macro_rules! fields {
    ($($name:ident: $field:expr),+ $(,)?) => { &[$($field),+] };
}
use fields;

const BOOLEAN: Type = Type::Bits(1);
/// INTEGER of 256 values.
const OCTET: Type = Type::Octets(1);
/// INTEGER of up to 65536 values.
const WORD: Type = Type::Octets(2);
/// INTEGER of more, less than 2^32.
const NUMBER: Type = counted(Length::Bits(2), 1, 8);
/// INTEGER without bounds.
const ANY_NUMBER: Type = counted(Length::General, 0, 8);
const OBJECT_IDENTIFIER: Type = counted(Length::Octet, 0, 8);
const OCTET_STRING: Type = counted(Length::General, 0, 8);
const BIT_STRING: Type = counted(Length::General, 0, 1);
/// BMPString (SIZE (1..128)).
const NAME: Type = counted(Length::Bits(7), 1, 16);
/// OCTET STRING (SIZE (1..20)): an address of ISO.
const NSAP: Type = counted(Length::Bits(5), 1, 8);
/// Digits, of which two share an octet (SIZE (1..128)).
const DIGITS: Type = counted(Length::Bits(7), 1, 4);
/// GloballyUniqueID, or ConferenceIdentifier.
const IDENTIFIER: Type = Type::Octets(16);

const fn counted(length: Length, least: u32, unit: u32) -> Type {
    Type::Counted(Counted { length, least, unit })
}

/// SEQUENCE OF what is stepped over.
const fn list(item: Type) -> List {
    List { item: has(item), most: 0 }
}

/// Three alternatives that say nothing else.
static ONE_OF_THREE: Choice = Choice::among(&[has(Type::Null), has(Type::Null), has(Type::Null)]).with(0);

/// Two of them.
static ONE_OF_TWO: Choice = Choice::among(&[has(Type::Null), has(Type::Null)]).with(0);
