//! How long a connection is remembered.

use crate::track::Settings;
use crate::track::tcp::State;
use crate::track::tcp::scenario::{Conversation, established};

#[test]
fn unacknowledged_data_may_be_the_last() {
    established().play(
        "
        > PA seq 101 ack 301 len 10  : established  established  300
        < A  seq 301 ack 105         : established  established  300
        < A  seq 301 ack 111         : established  established  432000
        ",
    );
}

#[test]
fn an_ack_repeated_three_times_may_be_the_last() {
    established().play(
        "
        > A  seq 101 ack 301  : established  established  432000
        > A  seq 101 ack 301  : established  established  432000
        > A  seq 101 ack 301  : established  established  300
        > A  seq 101 ack 301  : established  established  300
        < A  seq 301 ack 101  : established  established  432000
        ",
    );
}

#[test]
fn a_closed_window_may_never_open() {
    established().play(
        "
        < A  seq 301 ack 101 win 0     : established  established  300
        < A  seq 301 ack 101 win 1000  : established  established  432000
        ",
    );
}

#[test]
fn a_keep_alive_and_its_answer_renew() {
    established().play(
        "
        > A  seq 100 ack 301  : established  established  432000
        < A  seq 301 ack 101  : established  established  432000
        ",
    );
}

#[test]
fn a_picked_up_connection_must_be_answered() {
    let mut settings = Settings { tcp_loose: true, ..Settings::default() };
    settings.timeouts.tcp_unacknowledged = 100_000;
    Conversation::new(settings).play("> A seq 100 ack 300 : new established 100");
}

#[test]
fn a_timeout_is_never_lengthened_by_its_exceptions() {
    let mut settings = Settings::default();
    settings.timeouts.tcp[State::Established as usize] = 20_000;
    Conversation::new(settings).play(
        "
        > S  seq 100                 : new          syn-sent     120
        < SA seq 300 ack 101         : established  syn-recv     60
        > PA seq 101 ack 301 len 10  : established  established  20
        < A  seq 301 ack 111 win 0   : established  established  20
        < A  seq 301 ack 111 win 0   : established  established  20
        < A  seq 301 ack 111 win 0   : established  established  20
        < A  seq 301 ack 111 win 0   : established  established  20
        ",
    );
}
