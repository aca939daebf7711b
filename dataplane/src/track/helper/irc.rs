//! Which connection does a message of IRC announce? The Client-to-Client Protocol's DCC, in a PRIVMSG of the client:
//! `PRIVMSG nick :\x01DCC SEND file 3325256705 1283`, with the address as one number.
//!
//! The first `" :"` of the message is where the command must stand, or the next behind one that is unknown. A command
//! that names another host than its sender announces nothing. Whoever comes may fulfil it: nobody says from where.

use super::text::{self, LONGEST_TEXT};
use super::{Expected, protocol};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::track::Direction;

/// What a packet of an established connection to an IRC server announces.
pub(super) fn follow<F: Frame + ?Sized>(
    packet: &Packet,
    frame: &F,
    direction: Direction,
) -> Option<Expected> {
    if direction == Direction::Reply || packet.tuple.protocol != protocol::TCP {
        return None;
    }
    let (start, length) = text::place(packet, usize::from(packet.tcp.header_length))?;
    let mut buffer = [0; LONGEST_TEXT];
    let text = text::bytes(frame, (start, length.min(SEARCHED)), &mut buffer)?;
    let sender = packet.tuple.source;
    let port = announced(text, sender)?;
    Some(Expected::over_tcp(None, (sender, port), MOST, SECONDS))
}

/// The L4 port at which `sender` is to be called, if a message says so.
pub(super) fn announced(text: &[u8], sender: u128) -> Option<u16> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\r' | b'\n');
    let most = text.len().saturating_sub(SHORTEST_MESSAGE);
    let message = &text[text[..most].iter().take_while(|byte| blank(byte)).count()..];
    if message.len() <= SHORTEST_MESSAGE || !message[..PRIVMSG.len()].eq_ignore_ascii_case(PRIVMSG) {
        return None;
    }
    let mut rest = &message[PRIVMSG.len()..];
    loop {
        let searched = rest.len().saturating_sub(SHORTEST_COMMAND);
        let at = text::find(&rest[..rest.len().min(searched + 1)], b" :")?;
        rest = rest[at + 2..].strip_prefix(b"\x01DCC ")?;
        let Some(name) = COMMANDS.iter().find(|name| rest.starts_with(name)) else { continue };
        let (host, port) = address(&rest[name.len()..])?;
        return (u128::from(host) == sender && port != 0).then_some(port);
    }
}

/// `file 3325256705 1283`, in a line that ends in this packet: the address, and the port as far as it has room in 16 bits.
fn address(text: &[u8]) -> Option<(u32, u16)> {
    let at = text.iter().position(|byte| *byte == b' ')?;
    if at > 0 && at + SHORTEST_ADDRESS > text.len() {
        return None;
    }
    let rest = &text[at + 1..];
    if !rest.contains(&b'\n') {
        return None;
    }
    let (host, rest) = text::number(rest);
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    let (port, _) = text::number(&rest[blanks..]);
    Some((host as u32, port as u16))
}

const PRIVMSG: &[u8] = b"PRIVMSG ";
const COMMANDS: &[&[u8]] = &[b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT "];

/// Bytes of a packet that the kernel searches.
const SEARCHED: usize = 4095;
/// `PRIVMSG x `
const SHORTEST_MESSAGE: usize = 10;
/// ` :\x01DCC SEND t AAAAAAAA P\x01\n`
const SHORTEST_COMMAND: usize = 26;
/// `AAAAAAAA P\x01\n`
const SHORTEST_ADDRESS: usize = 12;

/// Connections that one may announce at a time, and for how long each is expected.
const MOST: usize = 8;
const SECONDS: u32 = 300;
