//! How connections begin.

use crate::track::tcp::scenario::play;
use crate::track::tcp::{Side, State};

#[test]
fn the_handshake_assures() {
    let mut conversation = play("> S seq 100 : new syn-sent 120");
    assert!(!conversation.is_assured());
    conversation.play("< SA seq 300 ack 101 : established syn-recv 60");
    assert!(!conversation.is_assured());
    conversation.play("> A seq 101 ack 301 : established established 432000");
    assert!(conversation.is_assured());
}

#[test]
fn only_a_syn_opens() {
    play(
        "
        > A   seq 100 ack 5   : invalid tcp-no-flow
        > PA  seq 100 ack 5   : invalid tcp-no-flow
        > SA  seq 100 ack 5   : invalid tcp-no-flow
        > FA  seq 100 ack 5   : invalid tcp-no-flow
        > R   seq 100         : invalid tcp-no-flow
        > RA  seq 100 ack 5   : invalid tcp-no-flow
        > -   seq 100         : invalid tcp-flags
        > F   seq 100         : invalid tcp-flags
        > FPU seq 100         : invalid tcp-flags
        > SF  seq 100         : invalid tcp-flags
        > SR  seq 100         : invalid tcp-flags
        > SU  seq 100         : new syn-sent 120
        ",
    );
}

#[test]
fn a_repeated_syn_keeps_no_flow_alive() {
    play(
        "
        > S  seq 100          : new syn-sent 120
        > S  seq 100          : new syn-sent keep
        # the port is used again, with another sequence number: taken over, not renewed
        > S  seq 9000         : new syn-sent keep
        < SA seq 300 ack 9001 : established syn-recv 60
        ",
    );
}

#[test]
fn nothing_but_the_syn_comes_before_the_answer() {
    play(
        "
        > S  seq 100          : new syn-sent 120
        > A  seq 101 ack 301  : invalid tcp-state
        > FA seq 101 ack 301  : invalid tcp-state
        > SA seq 100 ack 301  : invalid tcp-syn-in-flow
        < FA seq 300 ack 101  : invalid tcp-state
        ",
    );
}

#[test]
fn a_syn_ack_must_acknowledge_the_syn() {
    play(
        "
        > S  seq 100          : new syn-sent 120
        < SA seq 300 ack 102  : invalid tcp-ack-above-window
        < SA seq 300 ack 101  : established syn-recv 60
        ",
    );
}

#[test]
fn retransmissions_of_the_handshake_pass() {
    play(
        "
        > S  seq 100          : new          syn-sent     120
        < SA seq 300 ack 101  : established  syn-recv     60
        < SA seq 300 ack 101  : established  syn-recv     keep
        > S  seq 100          : established  syn-recv     keep
        < SA seq 300 ack 101  : established  syn-recv     60
        > A  seq 101 ack 301  : established  established  432000
        < SA seq 300 ack 101  : established  established  keep
        > S  seq 100          : established  established  keep
        < S  seq 300          : invalid      tcp-syn-in-flow
        > SA seq 100 ack 301  : invalid      tcp-syn-in-flow
        ",
    );
}

#[test]
fn data_may_overtake_the_last_ack_of_the_handshake() {
    play(
        "
        > S  seq 100                 : new          syn-sent     120
        < SA seq 300 ack 101         : established  syn-recv     60
        < PA seq 301 ack 101 len 50  : established  syn-recv     60
        > PA seq 101 ack 301 len 10  : established  established  300
        ",
    );
}

#[test]
fn a_simultaneous_open() {
    let conversation = play(
        "
        > S  seq 100          : new          syn-sent     120
        < S  seq 300          : established  syn-sent2    keep
        > SA seq 100 ack 301  : established  syn-recv     60
        < SA seq 300 ack 101  : established  syn-recv     keep
        < A  seq 301 ack 101  : established  established  432000
        ",
    );
    assert!(conversation.is_assured());
    // RFC 9293, figure 7: either side may be the one that completes it
    let conversation = play(
        "
        > S  seq 100          : new          syn-sent     120
        < S  seq 300          : established  syn-sent2    keep
        < SA seq 300 ack 101  : established  syn-recv     60
        > SA seq 100 ack 301  : established  syn-recv     60
        > A  seq 101 ack 301  : established  established  432000
        ",
    );
    assert!(conversation.is_assured());
}

#[test]
fn windows_are_scaled_only_if_both_sides_offer_it() {
    let scales = |script| {
        let connection = play(script).connection.unwrap();
        connection.sides.map(|side| (side.scale, side.has(Side::SACK)))
    };
    let both = "
        > S  seq 100 ws 7 sackok       : new syn-sent 120
        < SA seq 300 ack 101 ws 3      : established syn-recv 60
    ";
    assert_eq!(scales(both), [(7, true), (3, false)]);
    let one = "
        > S  seq 100 ws 7              : new syn-sent 120
        < SA seq 300 ack 101 sackok    : established syn-recv 60
    ";
    assert_eq!(scales(one), [(0, false), (0, true)]);
    let too_much = "
        > S  seq 100 ws 15             : new syn-sent 120
        < SA seq 300 ack 101 ws 14     : established syn-recv 60
    ";
    assert_eq!(scales(too_much), [(14, false), (14, false)], "RFC 7323, section 2.3");
}

#[test]
fn a_syn_sent_again_without_options_keeps_its_offer() {
    let mut conversation = play(
        "
        > S  seq 100 ws 7                  : new          syn-sent     120
        > S  seq 9000                      : new          syn-sent     keep
        < SA seq 300 ack 9001 ws 2         : established  syn-recv     60
        > A  seq 9001 ack 301 win 1000     : established  established  432000
        # 1000 << 7
        < A  seq 128301 ack 9001           : established  established  300
        ",
    );
    assert_eq!(conversation.play("").connection.unwrap().sides[0].scale, 7);
}

#[test]
fn a_closed_window_is_a_window() {
    let open = "
        > S  seq 100                    : new          syn-sent     120
        < SA seq 300 ack 101 win 0      : established  syn-recv     60
    ";
    play(open).play(
        "
        > A  seq 101 ack 301            : established  established  432000
        < A  seq 5000 ack 101           : invalid      tcp-sequence-above-window
        ",
    );
    // it may be probed with one byte (RFC 9293, section 3.8.6.1)
    play(open).play("> A seq 102 ack 301 : established established 300");
    play(open).play("> A seq 103 ack 301 : invalid tcp-sequence-above-window");
}

#[test]
fn a_challenge_ack_and_its_reset() {
    // RFC 5961, section 4: the server still holds the connection of a client that has restarted
    let mut conversation = play(
        "
        > S  seq 100          : new          syn-sent  120
        < A  seq 777 ack 555  : established  syn-sent  keep
        > R  seq 555          : established  close     10
        ",
    );
    assert_eq!(conversation.state(), State::Close);
    conversation.play("> S seq 100 : restart new syn-sent 120");
}
