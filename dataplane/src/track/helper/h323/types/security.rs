//! Which tokens may stand before the channels of a call? H.235, as far as `Progress-UUIE` holds it in its root.

use super::super::description::{Choice, Length, List, Sequence, Type, has};
use super::address::{ALIAS, NON_STANDARD};
use super::{ANY_NUMBER, BIT_STRING, NAME, NUMBER, OBJECT_IDENTIFIER, OCTET_STRING, counted, fields, list};

/// H245Security.
pub(super) static H245_SECURITY: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    noSecurity: has(Type::Null),
    tls: has(Type::Sequence(&SECURITY_CAPABILITIES)),
    ipsec: has(Type::Sequence(&SECURITY_CAPABILITIES)),
})
.with(0);

static SECURITY_CAPABILITIES: Sequence = Sequence::of(fields! {
    nonStandard: has(NON_STANDARD).optional(),
    encryption: has(Type::Choice(&SECURITY_SERVICE_MODE)),
    authenticaton: has(Type::Choice(&SECURITY_SERVICE_MODE)),
    integrity: has(Type::Choice(&SECURITY_SERVICE_MODE)),
})
.with(0);

static SECURITY_SERVICE_MODE: Choice = Choice::among(fields! {
    nonStandard: has(NON_STANDARD),
    none: has(Type::Null),
    default: has(Type::Null),
})
.with(0);

/// SEQUENCE OF ClearToken.
pub(super) static CLEAR_TOKENS: List = list(Type::Sequence(&CLEAR_TOKEN));

static CLEAR_TOKEN: Sequence = Sequence::of(fields! {
    tokenOID: has(OBJECT_IDENTIFIER),
    timeStamp: has(NUMBER).optional(),
    password: has(NAME).optional(),
    dhkey: has(Type::Sequence(&DH_SET)).optional(),
    challenge: has(counted(Length::Bits(7), 8, 8)).optional(),
    random: has(ANY_NUMBER).optional(),
    certificate: has(Type::Sequence(&TYPED_CERTIFICATE)).optional(),
    generalID: has(NAME).optional(),
    nonStandard: has(Type::Sequence(&NON_STANDARD_TOKEN)).optional(),
})
.with(2);

static DH_SET: Sequence = Sequence::of(fields! {
    halfkey: has(counted(Length::TwoOctets, 0, 1)),
    modSize: has(counted(Length::TwoOctets, 0, 1)),
    generator: has(counted(Length::TwoOctets, 0, 1)),
})
.with(0);

static TYPED_CERTIFICATE: Sequence =
    Sequence::of(fields! { type: has(OBJECT_IDENTIFIER), certificate: has(OCTET_STRING) }).with(0);

static NON_STANDARD_TOKEN: Sequence =
    Sequence::of(fields! { nonStandardIdentifier: has(OBJECT_IDENTIFIER), data: has(OCTET_STRING) });

/// SEQUENCE OF CryptoH323Token.
pub(super) static CRYPTO_TOKENS: List = list(Type::Choice(&CRYPTO_H323_TOKEN));

static CRYPTO_H323_TOKEN: Choice = Choice::among(fields! {
    cryptoEPPwdHash: has(Type::Sequence(&ENDPOINT_HASH)),
    cryptoGKPwdHash: has(Type::Sequence(&GATEKEEPER_HASH)),
    cryptoEPPwdEncr: has(ENCRYPTED),
    cryptoGKPwdEncr: has(ENCRYPTED),
    cryptoEPCert: has(SIGNED),
    cryptoGKCert: has(SIGNED),
    cryptoFastStart: has(SIGNED),
    nestedcryptoToken: has(Type::Choice(&CRYPTO_TOKEN)),
})
.with(0);

static ENDPOINT_HASH: Sequence =
    Sequence::of(fields! { alias: has(ALIAS), timeStamp: has(NUMBER), token: has(HASHED) });

static GATEKEEPER_HASH: Sequence =
    Sequence::of(fields! { gatekeeperId: has(NAME), timeStamp: has(NUMBER), token: has(HASHED) });

static CRYPTO_TOKEN: Choice = Choice::among(fields! {
    cryptoEncryptedToken: has(Type::Sequence(&ENCRYPTED_TOKEN)),
    cryptoSignedToken: has(Type::Sequence(&SIGNED_TOKEN)),
    cryptoHashedToken: has(Type::Sequence(&HASHED_TOKEN)),
    cryptoPwdEncr: has(ENCRYPTED),
})
.with(0);

static ENCRYPTED_TOKEN: Sequence =
    Sequence::of(fields! { tokenOID: has(OBJECT_IDENTIFIER), token: has(ENCRYPTED) });

static SIGNED_TOKEN: Sequence =
    Sequence::of(fields! { tokenOID: has(OBJECT_IDENTIFIER), token: has(SIGNED) });

static HASHED_TOKEN: Sequence = Sequence::of(fields! {
    tokenOID: has(OBJECT_IDENTIFIER),
    hashedVals: has(Type::Sequence(&CLEAR_TOKEN)),
    token: has(HASHED),
});

/// HASHED.
const HASHED: Type = Type::Sequence(&HASH);

static HASH: Sequence = Sequence::of(fields! {
    algorithmOID: has(OBJECT_IDENTIFIER),
    paramS: has(Type::Sequence(&PARAMS)),
    hash: has(BIT_STRING),
});

/// ENCRYPTED.
const ENCRYPTED: Type = Type::Sequence(&CIPHER);

static CIPHER: Sequence = Sequence::of(fields! {
    algorithmOID: has(OBJECT_IDENTIFIER),
    paramS: has(Type::Sequence(&PARAMS)),
    encryptedData: has(OCTET_STRING),
});

/// SIGNED.
const SIGNED: Type = Type::Sequence(&SIGNATURE);

static SIGNATURE: Sequence = Sequence::of(fields! {
    toBeSigned: has(Type::Null).open(),
    algorithmOID: has(OBJECT_IDENTIFIER),
    paramS: has(Type::Sequence(&PARAMS)),
    signature: has(BIT_STRING),
});

static PARAMS: Sequence = Sequence::of(fields! {
    ranInt: has(ANY_NUMBER).optional(),
    iv8: has(Type::Octets(8)).optional(),
})
.with(1);
