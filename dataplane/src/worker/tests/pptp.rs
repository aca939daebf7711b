//! PPTP: what ends with a control connection, and what is dropped where it cannot be told whether it has.

use super::{Rig, inward, outward};
use crate::io::Side;
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, RST, SYN};
use crate::pipeline::Outcome;
use crate::reason::Reason;
use crate::track::CtState;

const HELPED: &str = "table ip f {
    ct helper h { type \"pptp\" protocol tcp; }
    chain input { type filter hook input priority 0; policy accept;
        tcp dport 1723 ct helper set \"h\"
        ct state invalid drop
    }
}";

fn gre(from: [u8; 4], to: [u8; 4]) -> FrameBuilder {
    FrameBuilder::new().ip(from, to).gre(0, 0x0800)
}

/// GRE without a call, which the end of a control connection between its hosts ends too.
fn tunnel(rig: &mut Rig, now: u64) -> [(CtState, Reason); 2] {
    let [there, back] =
        [(Side::Outside, super::CLIENT, super::SERVER), (Side::Inside, super::SERVER, super::CLIENT)];
    [there, back].map(|(side, from, to)| {
        let decided = rig.one(side, now, &gre(from, to));
        assert_eq!(decided.outcome == Outcome::Drop, decided.reason == Reason::HelperUnsure);
        (decided.ct, decided.reason)
    })
}

/// Each answer once, what is dropped included.
fn states(rig: &mut Rig, now: u64) -> [CtState; 2] {
    tunnel(rig, now).map(|(state, _)| state)
}

#[test]
fn gre_of_a_control_connection_that_timed_out_is_doubtful_for_two_minutes() {
    let mut rig = Rig::new(HELPED, 1, 64);
    rig.one(Side::Outside, 0, &inward(1723, SYN).sequence(1000));
    assert_eq!(states(&mut rig, 100_000), [CtState::New, CtState::Established]);
    assert_eq!(states(&mut rig, 119_999), [CtState::Established; 2], "syn_sent lasts 120 s");
    for now in [120_000, 150_000, 239_999] {
        assert_eq!(tunnel(&mut rig, now).map(|(_, reason)| reason), [Reason::HelperUnsure; 2], "{now}");
    }
    assert_eq!(states(&mut rig, 240_000), [CtState::New, CtState::Established]);
    assert_eq!(rig.stats[0].drops[Reason::HelperUnsure as usize].get(), 6);
}

#[test]
fn what_a_packet_ends_is_not_doubtful() {
    let mut rig = Rig::new(HELPED, 1, 64);
    rig.one(Side::Outside, 0, &inward(1723, SYN).sequence(1000));
    rig.one(Side::Inside, 0, &outward(1723, SYN | ACK).sequence(5000).acknowledgement(1001));
    rig.one(Side::Outside, 0, &inward(1723, RST).sequence(1001));
    assert_eq!(states(&mut rig, 1), [CtState::New, CtState::Established]);
    assert_eq!(states(&mut rig, 2), [CtState::Established; 2]);
    // it begins anew, by which the one before ends
    assert_eq!(rig.one(Side::Outside, 3, &inward(1723, SYN).sequence(900_000)).ct, CtState::New);
    assert_eq!(states(&mut rig, 4), [CtState::New, CtState::Established]);
}
