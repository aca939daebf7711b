//! What goes through a channel? `DataType` of H.245: it stands before the addresses.

use super::super::description::{Choice, Role, Sequence, Type, has, read};
use super::{BOOLEAN, NUMBER, OBJECT_IDENTIFIER, OCTET, OCTET_STRING, WORD, fields};

/// DataType. Noted is the protocol under T.120.
pub(super) static DATA_TYPE: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    nullData: has(Type::Null),
    videoData: has(Type::Choice(&VIDEO)),
    audioData: has(Type::Choice(&AUDIO)),
    data: read(Type::Sequence(&DATA_APPLICATION), Role::None),
    encryptionData: has(Type::Choice(&ENCRYPTION_MODE)),
})
.with(3);

/// NonStandardParameter of H.245.
pub(super) const NON_STANDARD: Type = Type::Sequence(&NON_STANDARD_PARAMETER);

static NON_STANDARD_PARAMETER: Sequence = Sequence::of(fields! {
    nonStandardIdentifier: has(Type::Choice(&NON_STANDARD_IDENTIFIER)),
    data: has(OCTET_STRING),
});

static NON_STANDARD_IDENTIFIER: Choice = Choice::among(fields! {
    object: has(OBJECT_IDENTIFIER),
    h221NonStandard: has(Type::Sequence(&H221_NON_STANDARD)),
});

static H221_NON_STANDARD: Sequence = Sequence::of(fields! {
    t35CountryCode: has(OCTET),
    t35Extension: has(OCTET),
    manufacturerCode: has(WORD),
});

static ENCRYPTION_MODE: Choice =
    Choice::among(fields! { nonStandard: has(NON_STANDARD), h233Encryption: has(Type::Null) }).with(0);

static VIDEO: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    h261VideoCapability: has(Type::Sequence(&H261)),
    h262VideoCapability: has(Type::Sequence(&H262)),
    h263VideoCapability: has(Type::Sequence(&H263)),
    is11172VideoCapability: has(Type::Sequence(&IS11172_VIDEO)),
})
.with(1);

static H261: Sequence = Sequence::of(fields! {
    qcifMPI: has(Type::Bits(2)).optional(),
    cifMPI: has(Type::Bits(2)).optional(),
    temporalSpatialTradeOffCapability: has(BOOLEAN),
    maxBitRate: has(WORD),
    stillImageTransmission: has(BOOLEAN),
})
.with(1);

static H262: Sequence = Sequence::of(fields! {
    profilesAndLevels: has(Type::Bits(11)),
    videoBitRate: has(NUMBER).optional(),
    vbvBufferSize: has(NUMBER).optional(),
    samplesPerLine: has(WORD).optional(),
    linesPerFrame: has(WORD).optional(),
    framesPerSecond: has(Type::Bits(4)).optional(),
    luminanceSampleRate: has(NUMBER).optional(),
})
.with(1);

static H263: Sequence = Sequence::of(fields! {
    sqcifMPI: has(Type::Bits(5)).optional(),
    qcifMPI: has(Type::Bits(5)).optional(),
    cifMPI: has(Type::Bits(5)).optional(),
    cif4MPI: has(Type::Bits(5)).optional(),
    cif16MPI: has(Type::Bits(5)).optional(),
    maxBitRate: has(NUMBER),
    unrestrictedVector: has(BOOLEAN),
    arithmeticCoding: has(BOOLEAN),
    advancedPrediction: has(BOOLEAN),
    pbFrames: has(BOOLEAN),
    temporalSpatialTradeOffCapability: has(BOOLEAN),
    hrd_B: has(NUMBER).optional(),
    bppMaxKb: has(WORD).optional(),
})
.with(8);

static IS11172_VIDEO: Sequence = Sequence::of(fields! {
    constrainedBitstream: has(BOOLEAN),
    videoBitRate: has(NUMBER).optional(),
    vbvBufferSize: has(NUMBER).optional(),
    samplesPerLine: has(WORD).optional(),
    linesPerFrame: has(WORD).optional(),
    pictureRate: has(Type::Bits(4)).optional(),
    luminanceSampleRate: has(NUMBER).optional(),
})
.with(1);

static AUDIO: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    g711Alaw64k: has(OCTET),
    g711Alaw56k: has(OCTET),
    g711Ulaw64k: has(OCTET),
    g711Ulaw56k: has(OCTET),
    g722_64k: has(OCTET),
    g722_56k: has(OCTET),
    g722_48k: has(OCTET),
    g7231: has(Type::Sequence(&G7231)),
    g728: has(OCTET),
    g729: has(OCTET),
    g729AnnexA: has(OCTET),
    is11172AudioCapability: has(Type::Sequence(&IS11172_AUDIO)),
    is13818AudioCapability: has(Type::Sequence(&IS13818_AUDIO)),
})
.with(8);

static G7231: Sequence =
    Sequence::of(fields! { maxAl_sduAudioFrames: has(OCTET), silenceSuppression: has(BOOLEAN) });

static IS11172_AUDIO: Sequence =
    Sequence::of(fields! { layersSamplingsAndChannels: has(Type::Bits(8)), bitRate: has(WORD) }).with(0);

static IS13818_AUDIO: Sequence =
    Sequence::of(fields! { layersSamplingsAndChannels: has(Type::Bits(20)), bitRate: has(WORD) }).with(0);

static DATA_APPLICATION: Sequence = Sequence::of(fields! {
    application: read(Type::Choice(&APPLICATION), Role::None),
    maxBitRate: has(NUMBER),
})
.with(0);

static APPLICATION: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    t120: read(PROTOCOL, Role::None),
    dsm_cc: has(PROTOCOL),
    userData: has(PROTOCOL),
    t84: has(Type::Sequence(&T84)),
    t434: has(PROTOCOL),
    h224: has(PROTOCOL),
    nlpid: has(Type::Sequence(&NLPID)),
    dsvdControl: has(Type::Null),
    h222DataPartitioning: has(PROTOCOL),
})
.with(4);

/// DataProtocolCapability.
const PROTOCOL: Type = Type::Choice(&DATA_PROTOCOL);

static DATA_PROTOCOL: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    v14buffered: has(Type::Null),
    v42lapm: has(Type::Null),
    hdlcFrameTunnelling: has(Type::Null),
    h310SeparateVCStack: has(Type::Null),
    h310SingleVCStack: has(Type::Null),
    transparent: has(Type::Null),
})
.with(7)
.noted();

static T84: Sequence =
    Sequence::of(fields! { t84Protocol: has(PROTOCOL), t84Profile: has(Type::Choice(&T84_PROFILE)) });

static T84_PROFILE: Choice = Choice::among(fields! {
    t84Unrestricted: has(Type::Null),
    t84Restricted: has(Type::Sequence(&T84_RESTRICTED)),
});

static T84_RESTRICTED: Sequence = Sequence::of(fields! { formats: has(Type::Bits(19)) }).with(0);

static NLPID: Sequence = Sequence::of(fields! { nlpidProtocol: has(PROTOCOL), nlpidData: has(OCTET_STRING) });
