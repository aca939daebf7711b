//! What is said to a gatekeeper, and by it? `RasMessage` of H.225.0.

use super::super::description::{Choice, Field, List, Role, STOP, Sequence, Type, has, read};
use super::address::{ADDRESS, ALIASES, NON_STANDARD};
use super::endpoint::{ENDPOINT, VENDOR};
use super::{BOOLEAN, NAME, NUMBER, OBJECT_IDENTIFIER, ONE_OF_TWO, WORD, fields};

/// RasMessage. Of the others nothing is read.
pub(in super::super) static RAS_MESSAGE: Choice = Choice::among(fields! {
    gatekeeperRequest: STOP,
    gatekeeperConfirm: read(Type::Sequence(&GATEKEEPER_CONFIRM), Role::None),
    gatekeeperReject: STOP,
    registrationRequest: read(Type::Sequence(&REGISTRATION_REQUEST), Role::Registration),
    registrationConfirm: read(Type::Sequence(&REGISTRATION_CONFIRM), Role::Confirmation),
    registrationReject: STOP,
    unregistrationRequest: read(Type::Sequence(&UNREGISTRATION_REQUEST), Role::Withdrawal),
    unregistrationConfirm: STOP,
    unregistrationReject: STOP,
    admissionRequest: STOP,
    admissionConfirm: read(Type::Sequence(&ADMISSION_CONFIRM), Role::None),
    admissionReject: STOP,
    bandwidthRequest: STOP,
    bandwidthConfirm: STOP,
    bandwidthReject: STOP,
    disengageRequest: STOP,
    disengageConfirm: STOP,
    disengageReject: STOP,
    locationRequest: STOP,
    locationConfirm: read(Type::Sequence(&LOCATION_CONFIRM), Role::None),
    locationReject: STOP,
    infoRequest: STOP,
    infoRequestResponse: STOP,
    nonStandardMessage: STOP,
})
.reading(8, &[], 0);

static GATEKEEPER_CONFIRM: Sequence = Sequence::of(fields! {
    requestSeqNum: has(WORD),
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    nonStandardData: has(NON_STANDARD).optional(),
    gatekeeperIdentifier: has(NAME).optional(),
    rasAddress: read(ADDRESS, Role::Gatekeeper),
})
.reading(9, &[], 0);

static REGISTRATION_REQUEST: Sequence = Sequence::of(fields! {
    requestSeqNum: has(WORD),
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    nonStandardData: has(NON_STANDARD).optional(),
    discoveryComplete: has(BOOLEAN),
    callSignalAddress: read(Type::List(&REGISTERED), Role::None),
    rasAddress: has(ADDRESSES),
    terminalType: has(ENDPOINT),
    terminalAlias: has(ALIASES).optional(),
    gatekeeperIdentifier: has(NAME).optional(),
    endpointVendor: has(VENDOR),
})
.reading(21, &[(TIME_TO_LIVE, read(Type::Seconds, Role::AskedTime))], TIME_TO_LIVE + 1);

static REGISTRATION_CONFIRM: Sequence = Sequence::of(fields! {
    requestSeqNum: has(WORD),
    protocolIdentifier: has(OBJECT_IDENTIFIER),
    nonStandardData: has(NON_STANDARD).optional(),
    callSignalAddress: has(ADDRESSES),
    terminalAlias: has(ALIASES).optional(),
    gatekeeperIdentifier: has(NAME).optional(),
    endpointIdentifier: has(NAME),
})
.reading(17, &[(TIME_TO_LIVE, read(Type::Seconds, Role::ConfirmedTime))], TIME_TO_LIVE + 1);

/// Behind alternateEndpoints, or alternateGatekeeper.
const TIME_TO_LIVE: u8 = 1;

/// Behind that come endpointAlias, nonStandardData and endpointIdentifier, and more.
static UNREGISTRATION_REQUEST: Sequence =
    Sequence::of(fields! { requestSeqNum: has(WORD), callSignalAddress: has(ADDRESSES) })
        .and_others(3)
        .with(10);

/// Behind that come irrFrequency and nonStandardData, and more.
static ADMISSION_CONFIRM: Sequence = Sequence::of(fields! {
    requestSeqNum: has(WORD),
    bandWidth: has(NUMBER),
    callModel: has(Type::Choice(&ONE_OF_TWO)),
    destCallSignalAddress: read(ADDRESS, Role::Admitted),
})
.and_others(2)
.with(21);

/// Behind that comes nonStandardData, and more.
static LOCATION_CONFIRM: Sequence = Sequence::of(fields! {
    requestSeqNum: has(WORD),
    callSignalAddress: read(ADDRESS, Role::Located),
    rasAddress: has(ADDRESS),
})
.and_others(1)
.with(15);

const ADDRESSES: Type = Type::List(&TRANSPORT_ADDRESSES);

static TRANSPORT_ADDRESSES: List = super::list(ADDRESS);

static REGISTERED: List = List { item: REGISTERED_AT, most: 10 };

const REGISTERED_AT: Field = read(ADDRESS, Role::Registered);
