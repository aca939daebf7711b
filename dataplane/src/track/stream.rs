//! When does traffic without a handshake count as a conversation? UDP, UDP-Lite and GRE.

use super::{Status, Step, Timeouts};
use crate::time::Tick;

/// How old a UDP flow must be before it counts as a stream, in milliseconds.
const UDP_STREAM_AGE: u32 = 2_000;

/// UDP: a reply seen before this packet, and an age of more than two seconds, make a stream: longer remembered
/// and assured. A query and its answer are not one.
pub(super) const fn udp(status: &mut Status, created: Tick, now: Tick, timeouts: &Timeouts) -> Step {
    // An assured flow has been old enough before; its age may have wrapped since.
    let old = status.has(Status::ASSURED) || now.since(created) > UDP_STREAM_AGE;
    if status.has(Status::SEEN_REPLY) && old {
        status.set(Status::ASSURED);
        return Step::Accept(Some(timeouts.udp_stream));
    }
    Step::Accept(Some(timeouts.udp))
}

/// UDP-Lite and GRE: a reply seen before this packet makes a stream, however young.
pub(super) const fn both_ways(status: &mut Status, one_way: u32, both_ways: u32) -> Step {
    if status.has(Status::SEEN_REPLY) {
        status.set(Status::ASSURED);
        return Step::Accept(Some(both_ways));
    }
    Step::Accept(Some(one_way))
}
