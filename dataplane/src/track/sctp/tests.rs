//! Associations, told chunk by chunk. What is expected is what Linux 6.18 says.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Association, State, next, open, update};
use crate::packet::Packet;
use crate::packet::sctp::chunk;
use crate::reason::Reason;
use crate::track::{Direction, Status, Step, Timeouts};

const COLUMNS: [u8; 11] = [
    chunk::INIT,
    chunk::INIT_ACK,
    chunk::COOKIE_ECHO,
    chunk::COOKIE_ACK,
    chunk::SHUTDOWN,
    chunk::SHUTDOWN_ACK,
    chunk::SHUTDOWN_COMPLETE,
    chunk::HEARTBEAT,
    chunk::HEARTBEAT_ACK,
    chunk::ERROR,
    chunk::ABORT,
];

/// One row a state, by the initials of the state each chunk leads to, in the order of `COLUMNS`.
const ROWS: [(Direction, State, &str); 18] = [
    (Direction::Original, State::None, "CL CL CL CL CL SA CL HS CL CL CL"),
    (Direction::Original, State::Closed, "CL CL CL CL CL CL CL CL CL CL CL"),
    (Direction::Original, State::CookieWait, "CW CW CE CW CW CW CW CW CW CW CL"),
    (Direction::Original, State::CookieEchoed, "CE CE CE ES CE CE CE CE CE CE CL"),
    (Direction::Original, State::Established, "ES ES ES ES SS ES ES ES ES ES CL"),
    (Direction::Original, State::ShutdownSent, "CL SS SS SS SS SA SS SS SS SS CL"),
    (Direction::Original, State::ShutdownRecd, "CL SR SR SR SR SA SR SR SR SR CL"),
    (Direction::Original, State::ShutdownAckSent, "SA SA SA SA SA SA CL SA SA SA CL"),
    (Direction::Original, State::HeartbeatSent, "CW CL CL CL CL SA CL HS HS CL CL"),
    (Direction::Reply, State::None, "-- -- -- -- -- -- -- -- -- -- --"),
    (Direction::Reply, State::Closed, "CL CW CL CL CL CL CL CL CL CL CL"),
    (Direction::Reply, State::CookieWait, "CW CW CE CW CW CW CW CW CW CW CL"),
    (Direction::Reply, State::CookieEchoed, "CE CE CE ES CE CE CE CE CE CL CL"),
    (Direction::Reply, State::Established, "ES ES ES ES SR ES ES ES ES ES CL"),
    (Direction::Reply, State::ShutdownSent, "SS SS SS SS SS SA SS SS SS SS CL"),
    (Direction::Reply, State::ShutdownRecd, "SR SR SR SR SR SA SR SR SR SR CL"),
    (Direction::Reply, State::ShutdownAckSent, "SA SA SA SA SA SA CL SA SA SA CL"),
    (Direction::Reply, State::HeartbeatSent, "-- -- -- -- -- -- -- HS ES -- --"),
];

fn initials(state: Option<State>) -> &'static str {
    match state {
        None => "--",
        Some(State::None) => "NO",
        Some(State::Closed) => "CL",
        Some(State::CookieWait) => "CW",
        Some(State::CookieEchoed) => "CE",
        Some(State::Established) => "ES",
        Some(State::ShutdownSent) => "SS",
        Some(State::ShutdownRecd) => "SR",
        Some(State::ShutdownAckSent) => "SA",
        Some(State::HeartbeatSent) => "HS",
    }
}

#[test]
fn every_cell_leads_where_it_should() {
    for (direction, state, row) in ROWS {
        let found = COLUMNS.map(|kind| initials(next(direction, state, kind))).join(" ");
        assert_eq!(found, row, "{direction:?} in {}", state.label());
        for other in (0..=u8::MAX).filter(|kind| !COLUMNS.contains(kind)) {
            assert_eq!(next(direction, state, other), Some(state), "{other} changes nothing");
        }
    }
    for (number, state) in State::ALL.into_iter().enumerate() {
        assert_eq!(state as usize, number);
    }
}

/// Tags that the originator and its peer choose: packets carry the one their receiver chose.
const OURS: u32 = 0x1111_1111;
const THEIRS: u32 = 0x2222_2222;

fn chunk_bytes(kind: u8, flags: u8, chosen: u32) -> Vec<u8> {
    let mut value = vec![0; if matches!(kind, chunk::INIT | chunk::INIT_ACK) { 16 } else { 4 }];
    value[..4].copy_from_slice(&chosen.to_be_bytes());
    let length = u8::try_from(value.len() + 4).unwrap();
    [&[kind, flags, 0, length][..], &value].concat()
}

fn packet(tag: u32, chunks: &[Vec<u8>]) -> (Packet, Vec<u8>) {
    let mut bytes = [&[0, 7, 0, 8][..], &tag.to_be_bytes(), &[0; 4]].concat();
    bytes.extend(chunks.concat());
    let length = u32::try_from(bytes.len()).unwrap();
    (Packet { frame_length: length, network_length: length, ..Packet::default() }, bytes)
}

/// What the tracker knows of an association under way.
#[derive(Default)]
struct Talk {
    association: Option<Association>,
    status: Status,
}

impl Talk {
    /// A packet of `direction`: what was said, and the state it left.
    fn see(&mut self, direction: Direction, tag: u32, chunks: &[Vec<u8>]) -> Result<Option<u32>, Reason> {
        let (packet, frame) = packet(tag, chunks);
        let timeouts = Timeouts::default();
        let Some(association) = &mut self.association else {
            let (association, timeout) = open(&packet, &frame[..], &timeouts)?;
            self.association = Some(association);
            return Ok(Some(timeout / 1000));
        };
        match update(association, &mut self.status, direction, &packet, &frame[..], &timeouts) {
            Step::Accept(timeout) => {
                if direction == Direction::Reply {
                    self.status.set(Status::SEEN_REPLY);
                }
                Ok(timeout.map(|timeout| timeout / 1000))
            }
            Step::Refuse(reason, None) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// A chunk with the tags as they should be.
    fn say(&mut self, direction: Direction, kind: u8) -> (Result<Option<u32>, Reason>, State) {
        let (tag, chosen) = match direction {
            Direction::Original => (THEIRS, OURS),
            Direction::Reply => (OURS, THEIRS),
        };
        let said =
            self.see(direction, if kind == chunk::INIT { 0 } else { tag }, &[chunk_bytes(kind, 0, chosen)]);
        (said, self.association.map_or(State::None, |association| association.state()))
    }
}

use Direction::{Original, Reply};

fn established() -> Talk {
    let mut talk = Talk::default();
    for (direction, kind, seconds, state) in [
        (Original, chunk::INIT, 10, State::Closed),
        (Reply, chunk::INIT_ACK, 3, State::CookieWait),
        (Original, chunk::COOKIE_ECHO, 3, State::CookieEchoed),
        (Reply, chunk::COOKIE_ACK, 210, State::Established),
    ] {
        assert!(!talk.status.has(Status::ASSURED));
        assert_eq!(talk.say(direction, kind), (Ok(Some(seconds)), state));
    }
    assert!(talk.status.has(Status::ASSURED));
    talk
}

#[test]
fn from_init_to_shutdown_complete() {
    let mut talk = established();
    for (direction, kind, seconds, state) in [
        (Original, chunk::DATA, 210, State::Established),
        (Original, chunk::SHUTDOWN, 3, State::ShutdownSent),
        (Reply, chunk::SHUTDOWN_ACK, 3, State::ShutdownAckSent),
        (Original, chunk::SHUTDOWN_COMPLETE, 10, State::Closed),
    ] {
        assert_eq!(talk.say(direction, kind), (Ok(Some(seconds)), state));
    }
    assert_eq!(established().say(Reply, chunk::SHUTDOWN), (Ok(Some(3)), State::ShutdownRecd));
    assert_eq!(established().say(Reply, chunk::ABORT), (Ok(Some(10)), State::Closed));
}

#[test]
fn what_opens_an_association() {
    for (kind, tag, expected) in [
        (chunk::INIT, 0, Ok(Some(10))),
        (chunk::INIT, 5, Err(Reason::SctpTag)),
        (chunk::HEARTBEAT, 5, Ok(Some(30))),
        (chunk::HEARTBEAT_ACK, 5, Ok(Some(10))),
        (chunk::SHUTDOWN_ACK, 5, Ok(Some(3))),
        (chunk::DATA, 5, Err(Reason::SctpNoFlow)),
        (chunk::ABORT, 5, Err(Reason::SctpNoFlow)),
        (chunk::SHUTDOWN_COMPLETE, 5, Err(Reason::SctpNoFlow)),
        (chunk::COOKIE_ACK, 5, Err(Reason::SctpNoFlow)),
        (chunk::COOKIE_ECHO, 5, Err(Reason::SctpTag)),
        (chunk::INIT_ACK, 5, Err(Reason::SctpTag)),
        (chunk::ERROR, 5, Err(Reason::SctpTag)),
    ] {
        assert_eq!(Talk::default().see(Original, tag, &[chunk_bytes(kind, 0, OURS)]), expected, "{kind}");
    }
    let mut cut = chunk_bytes(chunk::INIT, 0, OURS);
    cut.truncate(16);
    assert_eq!(Talk::default().see(Original, 0, &[cut]), Err(Reason::SctpChunk));
}

#[test]
fn the_tag_must_be_the_one_the_receiver_chose() {
    for kind in [chunk::DATA, chunk::SHUTDOWN, chunk::COOKIE_ECHO, chunk::ABORT, chunk::SHUTDOWN_COMPLETE] {
        for (direction, own, reflected) in [(Original, THEIRS, OURS), (Reply, OURS, THEIRS)] {
            let mut talk = established();
            for wrong in [0, reflected, 5] {
                let said = talk.see(direction, wrong, &[chunk_bytes(kind, 0, 0)]);
                assert_eq!(said, Err(Reason::SctpTag), "{kind} {wrong:#x}");
            }
            assert!(talk.see(direction, own, &[chunk_bytes(kind, 0, 0)]).is_ok());
            // RFC 9260, section 8.5.1: with the T bit the tag is the sender's own
            let is_reflected = matches!(kind, chunk::ABORT | chunk::SHUTDOWN_COMPLETE);
            let said = established().see(direction, reflected, &[chunk_bytes(kind, 1, 0)]);
            assert_eq!(said.is_ok(), is_reflected, "{kind}");
        }
    }
}

#[test]
fn a_repeated_init_keeps_no_flow_alive() {
    let mut talk = Talk::default();
    let _ = talk.say(Original, chunk::INIT);
    assert_eq!(talk.say(Original, chunk::INIT), (Ok(None), State::Closed));
    assert_eq!(talk.say(Reply, chunk::INIT_ACK), (Ok(Some(3)), State::CookieWait));
}

#[test]
fn a_path_is_opened_by_a_heartbeat() {
    let mut talk = Talk::default();
    assert_eq!(talk.say(Original, chunk::HEARTBEAT), (Ok(Some(30)), State::HeartbeatSent));
    assert_eq!(talk.say(Reply, chunk::SHUTDOWN_ACK), (Err(Reason::SctpState), State::HeartbeatSent));
    assert_eq!(talk.say(Reply, chunk::HEARTBEAT_ACK), (Ok(Some(210)), State::Established));
    assert!(talk.status.has(Status::ASSURED));
}

#[test]
fn a_heartbeat_with_another_tag_is_believed_once_answered() {
    let heartbeat = |kind| [chunk_bytes(kind, 0, 0)];
    let mut talk = established();
    assert_eq!(talk.see(Reply, 5, &heartbeat(chunk::HEARTBEAT_ACK)), Err(Reason::SctpTag), "to none");
    assert_eq!(talk.see(Original, 5, &heartbeat(chunk::HEARTBEAT)), Ok(None));
    assert_eq!(talk.see(Reply, 6, &heartbeat(chunk::HEARTBEAT_ACK)), Ok(Some(210)));
    assert_eq!(talk.see(Reply, 6, &[chunk_bytes(chunk::DATA, 0, 0)]), Ok(Some(210)), "the new tag");
    assert_eq!(talk.see(Reply, OURS, &[chunk_bytes(chunk::DATA, 0, 0)]), Err(Reason::SctpTag), "the old");
    let with_data = [chunk_bytes(chunk::DATA, 0, 0), chunk_bytes(chunk::HEARTBEAT, 0, 0)];
    assert_eq!(established().see(Original, 5, &with_data), Err(Reason::SctpTag));
}

#[test]
fn a_suspect_heartbeat_renews_nothing_whatever_follows_it() {
    let chunks = [chunk_bytes(chunk::HEARTBEAT, 0, 0), chunk_bytes(chunk::ERROR, 0, 0)];
    assert_eq!(established().see(Original, 5, &chunks), Ok(None));
}

#[test]
fn ends_that_start_over_forget_both_tags() {
    let mut talk = established();
    assert_eq!(talk.see(Original, 5, &[chunk_bytes(chunk::HEARTBEAT, 0, 0)]), Ok(None));
    assert_eq!(talk.see(Reply, 6, &[chunk_bytes(chunk::HEARTBEAT_ACK, 0, 0)]), Ok(Some(210)));
    assert_eq!(talk.see(Original, THEIRS, &[chunk_bytes(chunk::DATA, 0, 0)]), Err(Reason::SctpTag));
    assert_eq!(talk.see(Original, 7, &[chunk_bytes(chunk::HEARTBEAT, 0, 0)]), Ok(Some(210)));
    assert_eq!(talk.see(Original, 7, &[chunk_bytes(chunk::DATA, 0, 0)]), Ok(Some(210)));
}

#[test]
fn a_shutdown_ack_out_of_the_blue_is_answered_with_its_tag() {
    for (tag, expected) in [(5, Ok(Some(10))), (6, Err(Reason::SctpTag))] {
        let mut talk = Talk::default();
        assert_eq!(talk.see(Original, 5, &[chunk_bytes(chunk::SHUTDOWN_ACK, 0, 0)]), Ok(Some(3)));
        assert_eq!(talk.see(Reply, tag, &[chunk_bytes(chunk::SHUTDOWN_COMPLETE, 0, 0)]), expected);
    }
}

#[test]
fn inits_that_cross_settle_the_tags() {
    let crossed = || {
        let mut talk = Talk::default();
        let _ = talk.say(Original, chunk::INIT);
        assert_eq!(talk.say(Reply, chunk::INIT), (Ok(None), State::Closed));
        talk
    };
    assert_eq!(crossed().see(Reply, OURS, &[chunk_bytes(chunk::INIT_ACK, 0, 9)]), Err(Reason::SctpTag));
    assert_eq!(crossed().say(Reply, chunk::INIT_ACK), (Ok(Some(3)), State::CookieWait));
}

#[test]
fn an_init_with_the_tag_already_known_opens_nothing() {
    let path = |chosen| {
        let mut talk = Talk::default();
        let _ = talk.say(Original, chunk::HEARTBEAT);
        let _ = talk.say(Reply, chunk::HEARTBEAT_ACK);
        assert_eq!(talk.see(Original, 0, &[chunk_bytes(chunk::INIT, 0, chosen)]), Ok(Some(210)));
        talk.see(Reply, chosen, &[chunk_bytes(chunk::INIT_ACK, 0, 9)])
    };
    assert_eq!(path(OURS), Err(Reason::SctpTag));
    assert_eq!(path(77), Ok(Some(210)));
}

#[test]
fn an_init_ack_cannot_change_a_settled_tag() {
    let mut talk = established();
    let other = [chunk_bytes(chunk::INIT_ACK, 0, 9)];
    assert_eq!(talk.see(Reply, OURS, &other), Err(Reason::SctpTag));
    // before the COOKIE ACK the responder may still change its mind
    let mut talk = Talk::default();
    let _ = talk.say(Original, chunk::INIT);
    let _ = talk.say(Reply, chunk::INIT_ACK);
    assert_eq!(talk.see(Reply, OURS, &other), Ok(Some(3)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn whatever_comes_assured_means_established_once(
        packets in vec((any::<bool>(), 0..4_u32, vec((0..16_u8, 0..2_u8, 0..4_u32), 1..4)), 1..30),
    ) {
        let mut talk = Talk::default();
        let mut was_established = false;
        for (reply, tag, chunks) in packets {
            let direction = if reply && talk.association.is_some() { Reply } else { Original };
            let chunks: Vec<_> =
                chunks.into_iter().map(|(kind, flags, chosen)| chunk_bytes(kind, flags, chosen)).collect();
            let before = talk.association;
            let assured = talk.status.has(Status::ASSURED);
            let said = talk.see(direction, tag, &chunks);
            let state = talk.association.map(|association| association.state());
            // several chunks may lead through it and out again
            was_established |= state == Some(State::Established) || chunks.len() > 1;
            prop_assert!(!talk.status.has(Status::ASSURED) || was_established);
            prop_assert!(!assured || talk.status.has(Status::ASSURED));
            if chunks.len() == 1 && said.is_err() {
                prop_assert_eq!(before.map(|before| before.state()), state);
            }
        }
    }

    #[test]
    fn no_bytes_panic(frame in vec(any::<u8>(), 0..80), cut in 0..80_u32) {
        let packet = Packet { frame_length: cut, network_length: cut, ..Packet::default() };
        let timeouts = Timeouts::default();
        let _ = open(&packet, &frame[..], &timeouts);
        let (mut association, mut status) = (Association::default(), Status::default());
        let _ = update(&mut association, &mut status, Reply, &packet, &frame[..], &timeouts);
    }
}
