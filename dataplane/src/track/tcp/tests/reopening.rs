//! How a tuple is used again.

use crate::track::tcp::scenario::{Conversation, established};
use crate::track::tcp::{State, reset_by_firewall};
use crate::track::{Status, Timeouts};

fn time_wait() -> Conversation {
    let mut conversation = established();
    conversation.play(
        "
        > FA seq 101 ack 301  : established  fin-wait    120
        < A  seq 301 ack 102  : established  close-wait  60
        < FA seq 301 ack 102  : established  last-ack    30
        > A  seq 102 ack 302  : established  time-wait   120
        ",
    );
    conversation
}

#[test]
fn a_syn_in_time_wait_opens_the_next_connection() {
    // even below the last sequence number: RFC 9293, section 3.6.1, asks for more, but we may be out of step
    for syn in ["> S seq 500 : restart new syn-sent 120", "> S seq 5 : restart new syn-sent 120"] {
        let mut conversation = time_wait();
        conversation.play(syn);
        assert!(!conversation.is_assured(), "a new flow");
        assert!(!conversation.status.has(Status::SEEN_REPLY));
    }
    let refused = "> SA seq 500 ack 302 : invalid tcp-syn-in-flow";
    assert_eq!(time_wait().play(refused).state(), State::TimeWait);
}

#[test]
fn after_a_reset_its_sender_opens_the_next_connection() {
    established().play(
        "
        > R  seq 101          : established  close     10
        > S  seq 9000         : restart new  syn-sent  120
        ",
    );
}

#[test]
fn after_the_peers_reset_a_syn_waits_for_its_answer() {
    established().play(
        "
        < R  seq 301             : established  close        10
        > S  seq 9000            : established  close        keep
        < SA seq 7000 ack 9001   : established  syn-recv     60
        > A  seq 9001 ack 7001   : established  established  432000
        < S  seq 7000            : invalid      tcp-syn-in-flow
        ",
    );
}

#[test]
fn an_answered_syn_in_a_live_connection_puts_us_in_step() {
    // the client has restarted, and the server agrees: SYN and SYN+ACK fit each other, not what we know
    established().play(
        "
        > S  seq 70000 ws 2              : established  established  keep
        < SA seq 90000 ack 70001 ws 3    : established  syn-recv     60
        > A  seq 70001 ack 90001         : established  established  432000
        > PA seq 70001 ack 90001 len 100 : established  established  300
        # what belonged to the old connection is a late retransmission
        < PA seq 301 ack 70001 len 5     : established  established  keep
        ",
    );
}

#[test]
fn the_answered_syn_brings_its_window() {
    let in_step = "
        > S  seq 70000 win 10        : established  established  keep
        < SA seq 90000 ack 70001     : established  syn-recv     60
    ";
    // the answer may overshoot by the window of that SYN, and no further
    established().play(in_step).play("< A seq 90010 ack 70001 : established syn-recv keep");
    established().play(in_step).play("< A seq 90011 ack 70001 : invalid tcp-sequence-above-window");
}

#[test]
fn a_syn_ack_that_answers_no_ignored_syn_changes_nothing() {
    established().play(
        "
        > S  seq 70000               : established  established  keep
        < SA seq 90000 ack 70002     : established  established  keep
        > A  seq 70001 ack 90001     : invalid      tcp-sequence-above-window
        > A  seq 101 ack 301         : established  established  432000
        ",
    );
}

#[test]
fn an_ignored_syn_that_is_reset_closes() {
    established().play(
        "
        > S  seq 70000               : established  established  keep
        < RA seq 0 ack 70001         : established  close        10
        ",
    );
    // its own sender cannot do that
    established().play(
        "
        > S  seq 70000               : established  established  keep
        > R  seq 900000 ack 70001    : invalid      tcp-sequence-above-window
        ",
    );
}

#[test]
fn the_firewalls_own_reset_closes() {
    let mut conversation = established();
    let connection = conversation.connection.as_mut().unwrap();
    let timeouts = Timeouts::default();
    assert_eq!(reset_by_firewall(connection, &timeouts), Some(10_000));
    assert_eq!(reset_by_firewall(connection, &timeouts), None, "closed already");
    conversation.play("> A seq 101 ack 301 : established close 10");
}
