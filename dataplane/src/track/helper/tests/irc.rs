//! What messages of IRC announce, to the letter of nf_conntrack_irc of Linux 6.18.

use super::{CLIENT, SERVER, four};
use crate::packet::build::FrameBuilder;
use crate::packet::flag::{ACK, PSH};
use crate::packet::parse;
use crate::track::Direction;
use crate::track::helper::Expected;
use crate::track::helper::irc::{announced, follow};
use proptest::prelude::*;

/// The port at which `CLIENT`, which is 3221225985, is to be called.
fn says(text: &str) -> Option<u16> {
    announced(text.as_bytes(), CLIENT)
}

#[test]
fn the_commands_of_dcc() {
    for line in [
        "PRIVMSG you :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC CHAT chat 3221225985 1283\x01\n",
        "PRIVMSG you :\x01DCC MOVE chat 3221225985 1283\x01\n",
        "PRIVMSG you :\x01DCC TSEND chat 3221225985 1283\x01\n",
        "PRIVMSG you :\x01DCC SCHAT chat 3221225985 1283\x01\n",
        "privmsg you :\x01DCC SEND file 3221225985 1283\x01\r\n",
        " \r\n PRIVMSG you :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG a b:c d :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC SEND file 3221225985    1283 99\x01\r\n",
        "PRIVMSG you :\x01DCC SEND file 7516193281 66819x\x01\r\n",
        "PRIVMSG you :\x01DCC GET x :\x01DCC SEND file 3221225985 1283\x01\r\n",
    ] {
        assert_eq!(says(line), Some(1283), "{line:?}");
    }
}

#[test]
fn what_is_none() {
    for line in [
        "",
        "PRIVMSG ",
        "NOTICE you :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "JOIN #x\r\nPRIVMSG you :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :hello :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you \x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC SEND CHAT file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC SEND x 0 1283 abcdef :\x01DCC SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC GET file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01dcc SEND file 3221225985 1283\x01\r\n",
        "PRIVMSG you :\x01DCC SEND file 3221225985 1283\x01",
        "PRIVMSG you :\x01DCC SEND file 3221225986 1283\x01\r\n",
        "PRIVMSG you :\x01DCC SEND file 3221225985 0\x01\r\n",
        "PRIVMSG you :\x01DCC SEND file 3221225985\x01\r\n",
        "PRIVMSG you :\x01DCC SEND 3221225985\r\n",
    ] {
        assert_eq!(says(line), None, "{line:?}");
    }
}

#[test]
fn only_the_client_is_read_and_whoever_comes_is_expected() {
    let text = b"PRIVMSG you :\x01DCC SEND file 3221225985 1283\x01\r\n";
    let frame = FrameBuilder::new().ip(four(CLIENT), four(SERVER)).tcp(4000, 6667, ACK | PSH);
    let frame = frame.payload(text).build();
    let (head, tail) = frame.split_at(60);
    let packet = parse(&frame[..]);
    let expected = Some(Expected::over_tcp(None, (CLIENT, 1283), 8, 300));
    assert_eq!(follow(&packet, &frame[..], Direction::Original), expected);
    assert_eq!(follow(&packet, &[head, tail][..], Direction::Original), expected, "in two segments");
    assert_eq!(follow(&packet, &frame[..], Direction::Reply), None);
}

proptest! {
    #[test]
    fn nothing_panics(parts in proptest::collection::vec(
        prop_oneof![
            "PRIVMSG ", " :", "\x01DCC ", "SEND ", "CHAT ", "TSEND ", " ", "\n", "[0-9]{0,12}", "\\PC{0,9}",
        ], 0..14,
    )) {
        let text = parts.concat();
        let _ = says(&text);
        let _ = says(&format!("PRIVMSG x :\x01DCC SEND {text}"));
    }

    #[test]
    fn what_is_announced_is_what_was_written(host in 10_000_000_u32.., port in 1_u16.., file in "[a-z.]{1,12}") {
        let line = format!("PRIVMSG you :\x01DCC SEND {file} {host} {port}\x01\r\n");
        prop_assert_eq!(announced(line.as_bytes(), host.into()), Some(port));
        prop_assert_eq!(announced(line.as_bytes(), u128::from(host) + 1), None);
    }
}
