//! What kind of endpoint speaks? `EndpointType` of H.225.0.

use super::super::description::{Choice, Length, List, Sequence, Type, has};
use super::address::{H221_NON_STANDARD, NON_STANDARD};
use super::{BOOLEAN, counted, fields, list};

/// EndpointType.
pub(super) const ENDPOINT: Type = Type::Sequence(&ENDPOINT_TYPE);

static ENDPOINT_TYPE: Sequence = Sequence::of(fields! {
    nonStandardData: has(NON_STANDARD).optional(),
    vendor: has(VENDOR).optional(),
    gatekeeper: has(Type::Sequence(&JUST_NON_STANDARD)).optional(),
    gateway: has(Type::Sequence(&GATEWAY)).optional(),
    mcu: has(Type::Sequence(&MCU)).optional(),
    terminal: has(Type::Sequence(&JUST_NON_STANDARD)).optional(),
    mc: has(BOOLEAN),
    undefinedNode: has(BOOLEAN),
})
.with(2);

/// VendorIdentifier.
pub(super) const VENDOR: Type = Type::Sequence(&VENDOR_IDENTIFIER);

static VENDOR_IDENTIFIER: Sequence = Sequence::of(fields! {
    vendor: has(Type::Sequence(&H221_NON_STANDARD)),
    productId: has(counted(Length::Octet, 1, 8)).optional(),
    versionId: has(counted(Length::Octet, 1, 8)).optional(),
})
.with(0);

/// GatekeeperInfo, TerminalInfo.
static JUST_NON_STANDARD: Sequence =
    Sequence::of(fields! { nonStandardData: has(NON_STANDARD).optional() }).with(0);

static MCU: Sequence = Sequence::of(fields! { nonStandardData: has(NON_STANDARD).optional() }).with(1);

static GATEWAY: Sequence = Sequence::of(fields! {
    protocol: has(Type::List(&PROTOCOLS)).optional(),
    nonStandardData: has(NON_STANDARD).optional(),
})
.with(0);

static PROTOCOLS: List = list(Type::Choice(&SUPPORTED_PROTOCOLS));

static SUPPORTED_PROTOCOLS: Choice = Choice::among(fields! {
    nonStandardData: has(NON_STANDARD),
    h310: has(CAPABILITIES),
    h320: has(CAPABILITIES),
    h321: has(CAPABILITIES),
    h322: has(CAPABILITIES),
    h323: has(CAPABILITIES),
    h324: has(CAPABILITIES),
    voice: has(CAPABILITIES),
    t120_only: has(CAPABILITIES),
})
.with(2);

/// H310Caps and its like.
const CAPABILITIES: Type = Type::Sequence(&CAPS);

static CAPS: Sequence = Sequence::of(fields! { nonStandardData: has(NON_STANDARD).optional() }).with(2);
