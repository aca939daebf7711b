//! How connections end by FIN.

use crate::track::tcp::State;
use crate::track::tcp::scenario::{established, play};

#[test]
fn from_syn_to_time_wait() {
    let conversation = play(
        "
        > S  seq 100 win 5000            : new          syn-sent     120
        < SA seq 300 ack 101 win 5000    : established  syn-recv     60
        > A  seq 101 ack 301 win 5000    : established  established  432000
        > PA seq 101 ack 301 len 20      : established  established  300
        < A  seq 301 ack 121             : established  established  432000
        < PA seq 301 ack 121 len 400     : established  established  300
        > A  seq 121 ack 701             : established  established  432000
        > FA seq 121 ack 701             : established  fin-wait     120
        < A  seq 701 ack 122             : established  close-wait   60
        < FA seq 701 ack 122             : established  last-ack     30
        > A  seq 122 ack 702             : established  time-wait    120
        ",
    );
    assert!(conversation.is_assured());
}

#[test]
fn the_server_may_close_first() {
    established().play(
        "
        < FA seq 301 ack 101         : established  fin-wait    120
        > A  seq 101 ack 302         : established  close-wait  60
        > PA seq 101 ack 302 len 10  : established  close-wait  60
        < A  seq 302 ack 111         : established  close-wait  60
        > FA seq 111 ack 302         : established  last-ack    30
        < A  seq 302 ack 112         : established  time-wait   120
        ",
    );
}

#[test]
fn both_may_close_at_once() {
    established().play(
        "
        > FA seq 101 ack 301  : established  fin-wait   120
        < FA seq 301 ack 101  : established  last-ack   30
        > A  seq 102 ack 302  : established  time-wait  120
        < A  seq 302 ack 102  : established  time-wait  120
        ",
    );
}

#[test]
fn a_fin_may_be_repeated() {
    established().play(
        "
        > FA seq 101 ack 301  : established  fin-wait   120
        > FA seq 101 ack 301  : established  last-ack   30
        < FA seq 301 ack 102  : established  last-ack   30
        < FA seq 301 ack 102  : established  last-ack   30
        > A  seq 102 ack 302  : established  time-wait  120
        > FA seq 101 ack 302  : established  time-wait  120
        ",
    );
}

#[test]
fn the_last_ack_of_the_handshake_may_carry_a_fin() {
    play(
        "
        > S  seq 100          : new          syn-sent  120
        < SA seq 300 ack 101  : established  syn-recv  60
        > FA seq 101 ack 301  : established  fin-wait  120
        ",
    );
}

#[test]
fn a_syn_while_closing_asks_for_a_challenge() {
    // RFC 5961, section 4: the ACK that answers an ignored SYN is not that of the last FIN
    let mut conversation = established();
    conversation.play(
        "
        > FA seq 101 ack 301  : established  fin-wait    120
        < A  seq 301 ack 102  : established  close-wait  60
        < FA seq 301 ack 102  : established  last-ack    30
        > S  seq 9000         : established  last-ack    keep
        < A  seq 302 ack 102  : established  last-ack    keep
        ",
    );
    // the originator knows of no connection and says so, and then opens one
    let mut reset = conversation.clone();
    reset.play(
        "
        > R  seq 102          : established  close       10
        > S  seq 9000         : restart new  syn-sent    120
        ",
    );
    assert_eq!(reset.state(), State::SynSent);
    // or it was all a forgery: the next ACK is that of the last FIN
    conversation.play("< A seq 302 ack 102 : established time-wait 120");
}
