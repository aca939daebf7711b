//! How are hosts and names written? `TransportAddress` and `AliasAddress` of H.225.0, `TransportAddress` of H.245.

use super::super::description::{Choice, Length, List, Role, Sequence, Type, has, read};
use super::{
    DIGITS, IDENTIFIER, NSAP, OBJECT_IDENTIFIER, OCTET, OCTET_STRING, ONE_OF_TWO, WORD, counted, fields, list,
};

/// TransportAddress of H.225.0.
pub(in super::super) const ADDRESS: Type = Type::Choice(&TRANSPORT_ADDRESS);

static TRANSPORT_ADDRESS: Choice = Choice::among(fields! {
    ipAddress: read(Type::Sequence(&IP_ADDRESS), Role::None),
    ipSourceRoute: has(Type::Sequence(&IP_SOURCE_ROUTE)),
    ipxAddress: has(Type::Sequence(&IPX_ADDRESS)),
    ip6Address: read(Type::Sequence(&IP6_ADDRESS), Role::None),
    netBios: has(Type::Octets(16)),
    nsap: has(NSAP),
    nonStandardAddress: has(NON_STANDARD),
})
.with(0);

static IP_ADDRESS: Sequence = Sequence::of(fields! { ip: read(Type::Host(4), Role::None), port: has(WORD) });

static IP6_ADDRESS: Sequence =
    Sequence::of(fields! { ip: read(Type::Host(16), Role::None), port: has(WORD) }).with(0);

static IP_SOURCE_ROUTE: Sequence = Sequence::of(fields! {
    ip: has(Type::Octets(4)),
    port: has(WORD),
    route: has(Type::List(&ROUTE)),
    routing: has(Type::Choice(&ONE_OF_TWO)),
})
.with(0);

static ROUTE: List = list(Type::Octets(4));

static IPX_ADDRESS: Sequence = Sequence::of(fields! {
    node: has(Type::Octets(6)),
    netnum: has(Type::Octets(4)),
    port: has(Type::Bits(16)),
});

/// NonStandardParameter of H.225.0.
pub(super) const NON_STANDARD: Type = Type::Sequence(&NON_STANDARD_PARAMETER);

static NON_STANDARD_PARAMETER: Sequence = Sequence::of(fields! {
    nonStandardIdentifier: has(Type::Choice(&NON_STANDARD_IDENTIFIER)),
    data: has(OCTET_STRING),
});

static NON_STANDARD_IDENTIFIER: Choice = Choice::among(fields! {
    object: has(OBJECT_IDENTIFIER),
    h221NonStandard: has(Type::Sequence(&H221_NON_STANDARD)),
})
.with(0);

pub(super) static H221_NON_STANDARD: Sequence = Sequence::of(fields! {
    t35CountryCode: has(OCTET),
    t35Extension: has(OCTET),
    manufacturerCode: has(WORD),
})
.with(0);

/// SEQUENCE OF AliasAddress.
pub(super) const ALIASES: Type = Type::List(&ALIAS_ADDRESSES);

static ALIAS_ADDRESSES: List = list(ALIAS);

pub(super) const ALIAS: Type = Type::Choice(&ALIAS_ADDRESS);

static ALIAS_ADDRESS: Choice = Choice::among(fields! {
    dialedDigits: has(DIGITS),
    h323_ID: has(counted(Length::Octet, 1, 16)),
})
.with(5);

/// TransportAddress of H.245.
pub(super) const CHANNEL_ADDRESS: Type = Type::Choice(&CONTROL_ADDRESS);

static CONTROL_ADDRESS: Choice = Choice::among(fields! {
    unicastAddress: read(Type::Choice(&UNICAST), Role::None),
    multicastAddress: has(Type::Choice(&MULTICAST)),
})
.with(0);

static UNICAST: Choice = Choice::among(fields! {
    iPAddress: read(Type::Sequence(&UNICAST_IP), Role::None),
    iPXAddress: has(Type::Sequence(&UNICAST_IPX)),
    iP6Address: read(Type::Sequence(&UNICAST_IP6), Role::None),
    netBios: has(IDENTIFIER),
    iPSourceRouteAddress: has(Type::Sequence(&UNICAST_SOURCE_ROUTE)),
})
.with(2);

static UNICAST_IP: Sequence =
    Sequence::of(fields! { network: read(Type::Host(4), Role::None), tsapIdentifier: has(WORD) }).with(0);

static UNICAST_IP6: Sequence =
    Sequence::of(fields! { network: read(Type::Host(16), Role::None), tsapIdentifier: has(WORD) }).with(0);

static UNICAST_IPX: Sequence = Sequence::of(fields! {
    node: has(Type::Octets(6)),
    netnum: has(Type::Octets(4)),
    tsapIdentifier: has(Type::Bits(16)),
})
.with(0);

static UNICAST_SOURCE_ROUTE: Sequence = Sequence::of(fields! {
    routing: has(Type::Choice(&ROUTING)),
    network: has(Type::Octets(4)),
    tsapIdentifier: has(WORD),
    route: has(Type::List(&ROUTE)),
})
.with(0);

static ROUTING: Choice = Choice::among(fields! { strict: has(Type::Null), loose: has(Type::Null) });

static MULTICAST: Choice = Choice::among(fields! {
    iPAddress: has(Type::Sequence(&MULTICAST_IP)),
    iP6Address: has(Type::Sequence(&MULTICAST_IP6)),
})
.with(2);

static MULTICAST_IP: Sequence =
    Sequence::of(fields! { network: has(Type::Octets(4)), tsapIdentifier: has(WORD) }).with(0);

static MULTICAST_IP6: Sequence =
    Sequence::of(fields! { network: has(Type::Octets(16)), tsapIdentifier: has(WORD) }).with(0);
