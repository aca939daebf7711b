//! How a connection is picked up in the middle (`tcp-loose`).

use crate::track::tcp::scenario::{play, play_loose};

#[test]
fn an_ack_picks_up() {
    for ack in ["A", "PA", "UA"] {
        play_loose(&format!("> {ack} seq 100 ack 300 : new established 300"));
        play(&format!("> {ack} seq 100 ack 300 : invalid tcp-no-flow"));
    }
}

#[test]
fn nothing_else_does() {
    play_loose(
        "
        > SA seq 100 ack 300  : invalid tcp-no-flow
        > FA seq 100 ack 300  : invalid tcp-no-flow
        > R  seq 100          : invalid tcp-no-flow
        > RA seq 100 ack 300  : invalid tcp-no-flow
        > F  seq 100          : invalid tcp-flags
        ",
    );
}

#[test]
fn the_window_is_not_known_so_nothing_is_out_of_it() {
    let mut conversation = play_loose("> A seq 100 ack 300 win 10 : new established 300");
    assert!(!conversation.is_assured());
    conversation.play("< PA seq 900000 ack 800000 len 1000 : established established 300");
    assert!(!conversation.is_assured(), "the first reply is one only once it has passed");
    conversation.play("> A seq 5000000 ack 3 : established established 300");
    assert!(conversation.is_assured());
}

#[test]
fn a_syn_opens_strictly_even_here() {
    play_loose(
        "
        > S  seq 100          : new          syn-sent     120
        < SA seq 300 ack 101  : established  syn-recv     60
        > A  seq 101 ack 301  : established  established  432000
        > A  seq 9000 ack 301 : invalid      tcp-sequence-above-window
        ",
    );
}

#[test]
fn a_handshake_seen_later_binds_the_side_that_asked_for_it() {
    play_loose(
        "
        > A  seq 100 ack 300        : new          established  300
        > S  seq 70000              : new          established  keep
        < SA seq 90000 ack 70001    : established  syn-recv     60
        > A  seq 70001 ack 90001    : established  established  432000
        > A  seq 9000000 ack 90001  : invalid      tcp-sequence-above-window
        < A  seq 9000000 ack 70001  : established  established  432000
        ",
    );
}
