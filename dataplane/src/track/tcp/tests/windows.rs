//! The bounds of the window, each at its edge. The labels are those of `window.rs`.

use crate::track::tcp::scenario::{established, play};

#[test]
fn i_a_sequence_number_above_the_window() {
    // the server offered 1000 bytes from 101 on: the originator may go to 1101
    established().play("> A seq 1101 ack 301 : established established 300");
    // beyond, but within one further window: more than expected, passes
    established().play("> A seq 1102 ack 301 : established established keep");
    established().play("> A seq 2100 ack 301 : established established keep");
    established().play("> A seq 2101 ack 301 : invalid tcp-sequence-above-window");
}

#[test]
fn i_more_than_expected_is_remembered() {
    established().play(
        "
        > PA seq 1102 ack 301 len 100  : established  established  keep
        # its acknowledgement is not beyond (III)
        < A  seq 301 ack 1202          : established  established  432000
        > A  seq 1202 ack 301          : established  established  432000
        ",
    );
    // without it, the same acknowledgement is
    established().play("< A seq 301 ack 1202 : invalid tcp-ack-above-window");
}

#[test]
fn i_more_than_expected_must_fit_otherwise() {
    // an acknowledgement of what was never sent
    established().play("> A seq 1102 ack 302 : invalid tcp-sequence-above-window");
}

#[test]
fn ii_an_old_retransmission_passes_and_renews_nothing() {
    established().play(
        "
        > PA seq 101 ack 301 len 1000   : established  established  300
        < A  seq 301 ack 1101           : established  established  432000
        > PA seq 1101 ack 301 len 1000  : established  established  300
        < A  seq 301 ack 2101           : established  established  432000
        # ends 1001 and 1000 bytes below the greatest end: the server's window is 1000
        > PA seq 1000 ack 301 len 100   : established  established  keep
        > PA seq 1000 ack 301 len 101   : established  established  432000
        ",
    );
}

#[test]
fn ii_a_segment_across_the_upper_bound_widens_the_lower() {
    // the receiver must have offered what was sent: its window counts as 2000 from here on
    established().play(
        "
        > PA seq 1101 ack 301 len 1000  : established  established  300
        > PA seq 1 ack 301 len 99       : established  established  keep
        > PA seq 1 ack 301 len 100      : established  established  300
        ",
    );
}

#[test]
fn iii_an_acknowledgement_of_data_not_yet_seen() {
    established().play(
        "
        > A  seq 101 ack 301           : established  established  432000
        > A  seq 101 ack 302           : invalid      tcp-ack-above-window
        < PA seq 301 ack 101 len 1     : established  established  300
        > A  seq 101 ack 302           : established  established  432000
        ",
    );
}

#[test]
fn iv_a_late_acknowledgement_passes_and_renews_nothing() {
    let sent = "
        > S  seq 100 win 60000 ws 1            : new          syn-sent     120
        < SA seq 299999 ack 101 win 60000 ws 1 : established  syn-recv     60
        > A  seq 101 ack 300000 win 33000      : established  established  432000
        < A  seq 365001 ack 101                : established  established  300
        > A  seq 101 ack 365001 win 33000      : established  established  432000
        < A  seq 366001 ack 101                : established  established  300
    ";
    // 66000 bytes below the greatest end, and one more
    play(sent).play("> A seq 101 ack 300001 win 1 : established established 300");
    play(sent).play("> A seq 101 ack 300000 win 1 : established established keep");
}

#[test]
fn scaled_windows_widen_the_bounds() {
    // the windows of SYN and SYN+ACK themselves are not scaled (RFC 7323, section 2.2)
    let open = "
        > S  seq 100 win 1000 ws 3          : new          syn-sent     120
        < SA seq 300 ack 101 win 1000 ws 3  : established  syn-recv     60
    ";
    play(open).play("> A seq 1101 ack 301 : established established 300");
    play(open).play("> A seq 1102 ack 301 : established syn-recv keep");
    // those behind them are: 8000 bytes from 101 on
    let scaled = format!(
        "{open}
        > A  seq 101 ack 301 win 1000     : established  established  432000
        < A  seq 301 ack 101 win 1000     : established  established  432000
        "
    );
    play(&scaled).play("> A seq 8101 ack 301 : established established 300");
    play(&scaled).play("> A seq 8102 ack 301 : established established keep");
    play(&scaled).play("> A seq 16101 ack 301 : invalid tcp-sequence-above-window");
}

#[test]
fn selective_acknowledgements_count_if_asked_for() {
    let open = |option: &str| {
        play(&format!(
            "
            > S  seq 100 {option}          : new          syn-sent     120
            < SA seq 300 ack 101           : established  syn-recv     60
            > A  seq 101 ack 301           : established  established  432000
            "
        ))
    };
    // the server acknowledges selectively what the originator has not sent: (III)
    open("sackok").play("< A seq 301 ack 101 sack 500 : invalid tcp-ack-above-window");
    open("").play("< A seq 301 ack 101 sack 500 : established established 432000");
    // what it has sent, out of order, opens the window from there on
    let arrived = "
        > PA seq 501 ack 301 len 100       : established  established  300
        < A  seq 301 ack 101 sack 601      : established  established  300
    ";
    open("sackok").play(arrived).play("> A seq 1601 ack 301 : established established 300");
    open("").play(arrived).play("> A seq 1601 ack 301 : established established keep");
}

#[test]
fn sequence_numbers_wrap() {
    play(
        "
        > S  seq 4294967290                        : new          syn-sent     120
        < SA seq 4294967200 ack 4294967291         : established  syn-recv     60
        > A  seq 4294967291 ack 4294967201         : established  established  432000
        > PA seq 4294967291 ack 4294967201 len 100 : established  established  300
        < A  seq 4294967201 ack 95                 : established  established  432000
        < PA seq 4294967201 ack 95 len 200         : established  established  300
        > A  seq 95 ack 105                        : established  established  432000
        > FA seq 95 ack 105                        : established  fin-wait     120
        < A  seq 105 ack 96                        : established  close-wait   60
        ",
    );
}
