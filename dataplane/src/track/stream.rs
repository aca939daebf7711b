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

#[cfg(test)]
mod tests {
    use super::{both_ways, udp};
    use crate::time::Tick;
    use crate::track::{Status, Step, Timeouts};

    fn replied() -> Status {
        let mut status = Status::default();
        status.set(Status::SEEN_REPLY);
        status
    }

    #[test]
    fn a_udp_stream_is_both_ways_and_older_than_two_seconds() {
        let timeouts = Timeouts::default();
        for created in [Tick(0), Tick(5_000), Tick(u32::MAX - 1_000)] {
            for (age, seen_reply, seconds) in [
                (0, true, 30),
                (2_000, true, 30),
                (2_001, true, 120),
                (2_001, false, 30),
                (900_000, true, 120),
            ] {
                let mut status = if seen_reply { replied() } else { Status::default() };
                let step = udp(&mut status, created, created.after(age), &timeouts);
                assert_eq!(step, Step::Accept(Some(seconds * 1000)), "{created:?} {age} {seen_reply}");
                assert_eq!(status.has(Status::ASSURED), seconds == 120);
            }
        }
    }

    #[test]
    fn a_stream_stays_one_when_its_age_wraps() {
        let timeouts = Timeouts::default();
        let mut status = replied();
        let _ = udp(&mut status, Tick(0), Tick(3_000), &timeouts);
        assert_eq!(udp(&mut status, Tick(0), Tick(1), &timeouts), Step::Accept(Some(120_000)));
    }

    #[test]
    fn elsewhere_both_ways_is_enough() {
        assert_eq!(both_ways(&mut Status::default(), 30_000, 180_000), Step::Accept(Some(30_000)));
        let mut status = replied();
        assert_eq!(both_ways(&mut status, 30_000, 180_000), Step::Accept(Some(180_000)));
        assert!(status.has(Status::ASSURED));
    }
}
