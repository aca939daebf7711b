//! How is a call set up? `H323-UserInformation` of H.225.0, the content of a message of Q.931.

use super::super::description::{Choice, Field, List, Role, Sequence, Type, has, read};
use super::address::{ADDRESS, ALIASES, NON_STANDARD};
use super::channel::{MESSAGE, OPEN_LOGICAL_CHANNEL};
use super::endpoint::ENDPOINT;
use super::security::{CLEAR_TOKENS, CRYPTO_TOKENS, H245_SECURITY};
use super::{BOOLEAN, IDENTIFIER, OBJECT_IDENTIFIER, WORD, fields};

/// H323-UserInformation. Behind its first component comes user-data.
pub(in super::super) static USER_INFORMATION: Sequence =
    Sequence::of(fields! { h323_uu_pdu: read(Type::Sequence(&UU_PDU), Role::None) }).and_others(1).with(0);

/// H323-UU-PDU. Of what is added the third is read, h245Control.
static UU_PDU: Sequence = Sequence::of(fields! {
    h323_message_body: read(Type::Choice(&MESSAGE_BODY), Role::None),
    nonStandardData: has(NON_STANDARD).optional(),
})
.reading(9, &[(2, read(Type::List(&TUNNELLED), Role::None))], 3);

static TUNNELLED: List = List { item: read(MESSAGE, Role::Tunnelled).open(), most: 4 };

static MESSAGE_BODY: Choice = Choice::among(fields! {
    setup: read(Type::Sequence(&SETUP), Role::None),
    callProceeding: read(Type::Sequence(&CALL_PROCEEDING), Role::None),
    connect: read(Type::Sequence(&CONNECT), Role::None),
    alerting: read(Type::Sequence(&ALERTING), Role::None),
    information: has(Type::Sequence(&INFORMATION)),
    releaseComplete: has(Type::Sequence(&RELEASE_COMPLETE)),
    facility: read(Type::Sequence(&FACILITY), Role::None),
})
.reading(6, &[(0, read(Type::Sequence(&PROGRESS), Role::None))], u8::MAX);

const H245_ADDRESS: Field = read(ADDRESS, Role::Control).optional();

/// SEQUENCE OF OCTET STRING, each with an OpenLogicalChannel.
const FAST_START: Field = read(Type::List(&CHANNELS), Role::None);

static CHANNELS: List =
    List { item: read(Type::Sequence(&OPEN_LOGICAL_CHANNEL), Role::Channel).open(), most: 30 };

/// Of what is added the first, sourceCallSignalAddress, and fastStart are read, up to endpointIdentifier.
static SETUP: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    h245Address: H245_ADDRESS,
    sourceAddress: has(ALIASES).optional(),
    sourceInfo: has(ENDPOINT),
    destinationAddress: has(ALIASES).optional(),
    destCallSignalAddress: has(ADDRESS).optional(),
    destExtraCallInfo: has(ALIASES).optional(),
    destExtraCRV: has(Type::List(&CALL_REFERENCES)).optional(),
    activeMC: has(BOOLEAN),
    conferenceID: has(IDENTIFIER),
    conferenceGoal: has(Type::Choice(&CONFERENCE_GOAL)),
    callServices: has(Type::Sequence(&Q_SERIES_OPTIONS)).optional(),
    callType: has(Type::Choice(&CALL_TYPE)),
})
.reading(26, &[(0, read(ADDRESS, Role::Other)), (6, FAST_START)], 9);

static CALL_REFERENCES: List = super::list(WORD);

static CONFERENCE_GOAL: Choice = Choice::among(fields! {
    create: has(Type::Null),
    join: has(Type::Null),
    invite: has(Type::Null),
})
.with(2);

static CALL_TYPE: Choice = Choice::among(fields! {
    pointToPoint: has(Type::Null),
    oneToN: has(Type::Null),
    nToOne: has(Type::Null),
    nToN: has(Type::Null),
})
.with(0);

static Q_SERIES_OPTIONS: Sequence = Sequence::of(fields! {
    q932Full: has(BOOLEAN),
    q951Full: has(BOOLEAN),
    q952Full: has(BOOLEAN),
    q953Full: has(BOOLEAN),
    q955Full: has(BOOLEAN),
    q956Full: has(BOOLEAN),
    q957Full: has(BOOLEAN),
    q954Info: has(Type::Sequence(&Q954_DETAILS)),
})
.with(0);

static Q954_DETAILS: Sequence =
    Sequence::of(fields! { conferenceCalling: has(BOOLEAN), threePartyService: has(BOOLEAN) }).with(0);

static CALL_PROCEEDING: Sequence = ANSWER.reading(9, &[(4, FAST_START)], u8::MAX);

static ALERTING: Sequence = ANSWER.reading(14, &[(4, FAST_START)], u8::MAX);

const ANSWER: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    destinationInfo: has(ENDPOINT),
    h245Address: H245_ADDRESS,
});

static CONNECT: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    h245Address: H245_ADDRESS,
    destinationInfo: has(ENDPOINT),
    conferenceID: has(IDENTIFIER),
})
.reading(15, &[(4, FAST_START)], u8::MAX);

static INFORMATION: Sequence = Sequence::of(fields! { protocolIdentifier: has(OBJECT_IDENTIFIER) }).with(6);

static RELEASE_COMPLETE: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    reason: has(Type::Choice(&RELEASE_COMPLETE_REASON)).optional(),
})
.with(9);

static RELEASE_COMPLETE_REASON: Choice = Choice::among(&[has(Type::Null); 12]).with(10);

/// Of what is added the seventh, h245Address, and fastStart are read.
static FACILITY: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    alternativeAddress: has(ADDRESS).optional(),
    alternativeAliasAddress: has(ALIASES).optional(),
    conferenceID: has(IDENTIFIER).optional(),
    reason: read(Type::Choice(&FACILITY_REASON), Role::Reason),
})
.reading(16, &[(6, H245_ADDRESS), (7, FAST_START)], u8::MAX);

static FACILITY_REASON: Choice = Choice::among(&[has(Type::Null); 4]).with(7).noted();

static PROGRESS: Sequence = Sequence::of(fields! {
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    destinationInfo: has(ENDPOINT),
    h245Address: H245_ADDRESS,
    callIdentifier: has(Type::Sequence(&CALL_IDENTIFIER)),
    h245SecurityMode: has(Type::Choice(&H245_SECURITY)).optional(),
    tokens: has(Type::List(&CLEAR_TOKENS)).optional(),
    cryptoTokens: has(Type::List(&CRYPTO_TOKENS)).optional(),
    fastStart: FAST_START.optional(),
})
.with(3);

static CALL_IDENTIFIER: Sequence = Sequence::of(fields! { guid: has(IDENTIFIER) }).with(0);
