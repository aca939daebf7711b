//! Conversations, as a network engineer would tell them.

use super::scenario::{HANDSHAKE, established, play, play_loose};
use super::{Class, Move, Sequence, State, next};
use crate::track::{Direction, Status};

#[test]
fn a_connection_from_syn_to_time_wait() {
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
fn the_handshake_assures() {
    let mut conversation = play("> S seq 100 : new syn-sent 120");
    assert!(!conversation.is_assured());
    conversation.play("< SA seq 300 ack 101 : established syn-recv 60");
    assert!(!conversation.is_assured());
    conversation.play("> A seq 101 ack 301 : established established 432000");
    assert!(conversation.is_assured());
}
