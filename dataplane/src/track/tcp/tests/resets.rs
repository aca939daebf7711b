//! How connections are aborted, and by whom they are not.

use crate::track::tcp::State;
use crate::track::tcp::scenario::{established, play};

#[test]
fn an_exact_reset_closes() {
    established().play("> R seq 101 : established close 10");
    established().play("< R seq 301 : established close 10");
    established().play("< RA seq 301 ack 101 : established close 10");
}

#[test]
fn a_reset_elsewhere_in_the_window_waits_for_the_challenge() {
    // RFC 5961, section 3: its receiver answers with a challenge ACK if it disagrees
    established().play(
        "
        < R  seq 801          : established  established  10
        > A  seq 101 ack 301  : established  established  300
        < R  seq 301          : established  close        10
        ",
    );
}

#[test]
fn a_reset_below_what_was_acknowledged_is_forged() {
    let mut conversation = established();
    conversation.play(
        "
        < PA seq 301 ack 101 len 100  : established  established  300
        > A  seq 101 ack 401          : established  established  432000
        < R  seq 400                  : invalid      tcp-reset-sequence
        < R  seq 301                  : invalid      tcp-reset-sequence
        ",
    );
    assert_eq!(conversation.state(), State::Established);
}

#[test]
fn a_reset_above_the_window_closes_nothing() {
    // one window further it passes like any segment that overshoots; beyond, it is forged
    for reset in
        ["< R seq 1302 : established established keep", "< R seq 2301 : invalid tcp-sequence-above-window"]
    {
        assert_eq!(established().play(reset).state(), State::Established);
    }
}

#[test]
fn a_reset_right_behind_own_data_is_exact() {
    established().play(
        "
        < PA seq 301 ack 101 len 19  : established  established  300
        < R  seq 320                 : established  close        10
        ",
    );
}

#[test]
fn once_closing_the_sequence_is_not_asked() {
    established().play(
        "
        > FA seq 101 ack 301  : established  fin-wait  120
        < R  seq 2000000000   : established  close     10
        > R  seq 1000000000   : established  close     10
        ",
    );
}

#[test]
fn a_refused_connection_is_forgotten() {
    let refused = "
        > S  seq 100          : new     syn-sent  120
        < RA seq 0 ack 101    : delete  established
    ";
    assert_eq!(play(refused).state(), State::None);
    let taken_back = "
        > S  seq 100          : new     syn-sent  120
        > R  seq 101          : delete  new
    ";
    assert_eq!(play(taken_back).state(), State::None);
}

#[test]
fn a_refusal_must_acknowledge_the_syn() {
    play(
        "
        > S  seq 100          : new      syn-sent  120
        < RA seq 0 ack 5000   : invalid  tcp-reset-ack
        < RA seq 0 ack 101    : delete   established
        ",
    );
}

#[test]
fn a_refusal_may_acknowledge_one_byte_more() {
    // as the answer to a keep-alive would; the first segment of the other side could be one
    play(
        "
        > S  seq 100          : new      syn-sent  120
        < RA seq 0 ack 103    : invalid  tcp-reset-ack
        ",
    );
    play(
        "
        > S  seq 100          : new      syn-sent  120
        < RA seq 0 ack 102    : delete   established
        ",
    );
}

#[test]
fn an_acknowledgement_of_zero_in_a_reset_is_none() {
    play(
        "
        > S  seq 3000000000                    : new          syn-sent     120
        < SA seq 3000000300 ack 3000000001     : established  syn-recv     60
        > A  seq 3000000001 ack 3000000301     : established  established  432000
        < A  seq 3000000301 ack 0              : invalid      tcp-ack-above-window
        < RA seq 3000000301 ack 0              : established  close        10
        ",
    );
}

#[test]
fn a_reset_with_sequence_zero_closes_what_is_not_established() {
    play(
        "
        > S  seq 100          : new          syn-sent  120
        < SA seq 300 ack 101  : established  syn-recv  60
        > R  seq 1            : invalid      tcp-reset-sequence
        > R  seq 0            : established  close     10
        ",
    );
}

#[test]
fn a_reset_that_acknowledges_an_ignored_ack_closes() {
    play(
        "
        > S  seq 100                 : new          syn-sent  120
        < A  seq 5000 ack 70         : established  syn-sent  keep
        > RA seq 90000000 ack 5001   : invalid      tcp-sequence-above-window
        > RA seq 90000000 ack 5000   : established  close     10
        ",
    );
}

#[test]
fn a_blind_reset_with_sequence_zero_ends_an_unanswered_connection() {
    // as in the kernel: whoever guesses the ports can do this, until the first reply
    play(
        "
        > S  seq 100          : new     syn-sent  120
        < R  seq 0            : delete  established
        > S  seq 100          : new     syn-sent  120
        ",
    );
}

#[test]
fn ends_that_close_out_of_window_in_turn_shorten_the_life() {
    let mut conversation = established();
    conversation.play(
        "
        > FA seq 5000 ack 301  : invalid      tcp-sequence-above-window
        < FA seq 9000 ack 101  : invalid      tcp-sequence-above-window 300
        ",
    );
    assert_eq!(conversation.state(), State::Established);
    // one side alone may be a forger
    established().play(
        "
        > FA seq 5000 ack 301  : invalid      tcp-sequence-above-window
        > FA seq 5000 ack 301  : invalid      tcp-sequence-above-window
        > R  seq 5000          : invalid      tcp-sequence-above-window
        ",
    );
}
