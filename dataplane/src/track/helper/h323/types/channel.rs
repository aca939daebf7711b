//! How are channels opened? `MultimediaSystemControlMessage` of H.245, of which two messages are read.

use super::super::description::{Choice, Field, Length, List, Role, STOP, Sequence, Type, has, read};
use super::address::CHANNEL_ADDRESS;
use super::media::{DATA_TYPE, NON_STANDARD};
use super::{
    BOOLEAN, DIGITS, NSAP, NUMBER, OCTET, OCTET_STRING, ONE_OF_THREE, ONE_OF_TWO, WORD, counted, fields, list,
};

/// MultimediaSystemControlMessage.
pub(in super::super) const MESSAGE: Type = Type::Choice(&SYSTEM_CONTROL_MESSAGE);

static SYSTEM_CONTROL_MESSAGE: Choice = Choice::among(fields! {
    request: read(Type::Choice(&REQUEST), Role::None),
    response: read(Type::Choice(&RESPONSE), Role::None),
    command: STOP,
    indication: STOP,
})
.with(0);

static REQUEST: Choice = Choice::among(&REQUESTS).reading(4, &[], 0);

static REQUESTS: [Field; 11] = {
    let mut requests = [STOP; 11];
    requests[3] = read(Type::Sequence(&OPEN_LOGICAL_CHANNEL), Role::Channel);
    requests
};

static RESPONSE: Choice = Choice::among(&RESPONSES).reading(5, &[], 0);

static RESPONSES: [Field; 19] = {
    let mut responses = [STOP; 19];
    responses[5] = read(Type::Sequence(&OPEN_LOGICAL_CHANNEL_ACK), Role::Channel);
    responses
};

/// OpenLogicalChannel, up to encryptionSync.
pub(super) static OPEN_LOGICAL_CHANNEL: Sequence = Sequence::of(fields! {
    forwardLogicalChannelNumber: has(WORD),
    forwardLogicalChannelParameters: read(Type::Sequence(&FORWARD), Role::None),
    reverseLogicalChannelParameters: read(Type::Sequence(&REVERSE), Role::None).optional(),
})
.reading(2, &[(0, SEPARATE_STACK)], 1);

static FORWARD: Sequence = Sequence::of(fields! {
    portNumber: has(WORD).optional(),
    dataType: read(Type::Choice(&DATA_TYPE), Role::Data),
    multiplexParameters: read(Type::Choice(&FORWARD_MULTIPLEX), Role::None),
})
.with(2);

static FORWARD_MULTIPLEX: Choice = Choice::among(fields! {
    h222LogicalChannelParameters: has(Type::Sequence(&H222)),
    h223LogicalChannelParameters: has(Type::Sequence(&H223)),
    v76LogicalChannelParameters: has(Type::Sequence(&V76)),
})
.reading(2, &[(0, H2250)], u8::MAX);

static REVERSE: Sequence = Sequence::of(fields! {
    dataType: has(Type::Choice(&DATA_TYPE)),
    multiplexParameters: read(Type::Choice(&REVERSE_MULTIPLEX), Role::None).optional(),
})
.with(2);

static REVERSE_MULTIPLEX: Choice = Choice::among(fields! {
    h223LogicalChannelParameters: has(Type::Sequence(&H223)),
    v76LogicalChannelParameters: has(Type::Sequence(&V76)),
})
.reading(1, &[(0, H2250)], u8::MAX);

/// OpenLogicalChannelAck, up to encryptionSync.
static OPEN_LOGICAL_CHANNEL_ACK: Sequence = Sequence::of(fields! {
    forwardLogicalChannelNumber: has(WORD),
    reverseLogicalChannelParameters: read(Type::Sequence(&REVERSE_ACK), Role::None).optional(),
})
.reading(3, &[(0, SEPARATE_STACK_OF_ACK), (1, read(Type::Choice(&FORWARD_ACK), Role::None))], 2);

static REVERSE_ACK: Sequence = Sequence::of(fields! {
    reverseLogicalChannelNumber: has(WORD),
    portNumber: has(WORD).optional(),
    multiplexParameters: read(Type::Choice(&REVERSE_ACK_MULTIPLEX), Role::None).optional(),
})
.with(1);

static REVERSE_ACK_MULTIPLEX: Choice = Choice::among(
    fields! { h222LogicalChannelParameters: has(Type::Sequence(&H222)) },
)
.reading(1, &[(0, H2250)], u8::MAX);

static FORWARD_ACK: Choice = Choice::among(fields! {
    h2250LogicalChannelAckParameters: read(Type::Sequence(&H2250_ACK), Role::None),
})
.with(0);

const H2250: Field = read(Type::Sequence(&H2250_PARAMETERS), Role::None);

/// H2250LogicalChannelParameters, up to mediaControlGuaranteedDelivery, silenceSuppression, destination,
/// dynamicRTPPayloadType and mediaPacketization.
static H2250_PARAMETERS: Sequence = Sequence::of(fields! {
    nonStandard: has(Type::List(&NON_STANDARDS)).optional(),
    sessionID: has(OCTET),
    associatedSessionID: has(Type::Bits(8)).optional(),
    mediaChannel: read(CHANNEL_ADDRESS, Role::Media).optional(),
    mediaGuaranteedDelivery: has(BOOLEAN).optional(),
    mediaControlChannel: read(CHANNEL_ADDRESS, Role::Media).optional(),
})
.and_others(5)
.with(3);

static H2250_ACK: Sequence = Sequence::of(fields! {
    nonStandard: has(Type::List(&NON_STANDARDS)).optional(),
    sessionID: has(Type::Bits(8)).optional(),
    mediaChannel: read(CHANNEL_ADDRESS, Role::Media).optional(),
    mediaControlChannel: read(CHANNEL_ADDRESS, Role::Media).optional(),
    dynamicRTPPayloadType: has(Type::Bits(5)).optional(),
})
.with(2);

static NON_STANDARDS: List = list(NON_STANDARD);

const SEPARATE_STACK: Field = read(Type::Sequence(&NETWORK_ACCESS), Role::Stack);
const SEPARATE_STACK_OF_ACK: Field = read(Type::Sequence(&NETWORK_ACCESS), Role::StackOfAck);

static NETWORK_ACCESS: Sequence = Sequence::of(fields! {
    distribution: has(Type::Choice(&ONE_OF_TWO)).optional(),
    networkAddress: read(Type::Choice(&NETWORK_ADDRESS), Role::None),
    associateConference: has(BOOLEAN),
    externalReference: has(counted(Length::Bits(8), 1, 8)).optional(),
})
.with(1);

static NETWORK_ADDRESS: Choice = Choice::among(fields! {
    q2931Address: has(Type::Sequence(&Q2931_ADDRESS)),
    e164Address: has(DIGITS),
    localAreaAddress: read(CHANNEL_ADDRESS, Role::None),
})
.with(0);

static Q2931_ADDRESS: Sequence =
    Sequence::of(fields! { address: has(Type::Choice(&Q2931)), subaddress: has(NSAP).optional() }).with(0);

static Q2931: Choice = Choice::among(fields! {
    internationalNumber: has(counted(Length::Bits(4), 1, 4)),
    nsapAddress: has(NSAP),
})
.with(0);

static H222: Sequence = Sequence::of(fields! {
    resourceID: has(WORD),
    subChannelID: has(WORD),
    pcr_pid: has(WORD).optional(),
    programDescriptors: has(OCTET_STRING).optional(),
    streamDescriptors: has(OCTET_STRING).optional(),
})
.with(0);

static H223: Sequence = Sequence::of(fields! {
    adaptationLayerType: has(Type::Choice(&ADAPTATION_LAYER)),
    segmentableFlag: has(BOOLEAN),
})
.with(0);

static ADAPTATION_LAYER: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    al1Framed: has(Type::Null),
    al1NotFramed: has(Type::Null),
    al2WithoutSequenceNumbers: has(Type::Null),
    al2WithSequenceNumbers: has(Type::Null),
    al3: has(Type::Sequence(&AL3)),
})
.with(3);

static AL3: Sequence =
    Sequence::of(fields! { controlFieldOctets: has(Type::Bits(2)), sendBufferSize: has(NUMBER) });

static V76: Sequence = Sequence::of(fields! {
    hdlcParameters: has(Type::Sequence(&HDLC)),
    suspendResume: has(Type::Choice(&ONE_OF_THREE)),
    uIH: has(BOOLEAN),
    mode: has(Type::Choice(&MODE)),
    v75Parameters: has(Type::Sequence(&V75)),
})
.with(0);

static HDLC: Sequence = Sequence::of(fields! {
    crcLength: has(Type::Choice(&ONE_OF_THREE)),
    n401: has(WORD),
    loopbackTestProcedure: has(BOOLEAN),
})
.with(0);

static MODE: Choice =
    Choice::among(fields! { eRM: has(Type::Sequence(&ERM)), uNERM: has(Type::Null) }).with(0);

static ERM: Sequence = Sequence::of(fields! {
    windowSize: has(Type::Bits(7)),
    recovery: has(Type::Choice(&ONE_OF_THREE)),
})
.with(0);

static V75: Sequence = Sequence::of(fields! { audioHeaderPresent: has(BOOLEAN) }).with(0);
