//! How does a test write down a conversation? One segment a line, and behind the colon what the tracker says.
//!
//! ```text
//! > S  seq 100 win 1000 ws 7      : new          syn-sent     120
//! < SA seq 300 ack 101 win 1000   : established  syn-recv     60
//! > A  seq 101 ack 301 len 10     : established  established  300
//! < R  seq 900                    : invalid      tcp-sequence-above-window
//! ```
//!
//! `>` is the side that sends first. `ack` is read without the ACK flag too; `win` is 1000 unless told. A number
//! behind the state is the timeout in seconds, `keep` an unchanged deadline. `restart` is followed by what the
//! segment means as the first of a new flow, whose `>` is the side that sent it; `delete` ends the flow.

use super::{Connection, State, open, update};
use crate::packet::Tcp;
use crate::packet::flag::{ACK, FIN, PSH, RST, SYN, URG};
use crate::reason::Reason;
use crate::track::{Direction, Settings, Status, Step};

/// A conversation under way.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) settings: Settings,
    pub(crate) connection: Option<Connection>,
    pub(crate) status: Status,
}

impl Conversation {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, connection: None, status: Status::default() }
    }

    /// What the tracker says of a segment, as it is written behind the colon.
    pub(crate) fn see(&mut self, direction: Direction, tcp: &Tcp) -> String {
        let Some(connection) = &mut self.connection else {
            assert_eq!(direction, Direction::Original, "the first segment is the originator's");
            return match open(tcp, &self.settings) {
                Ok((connection, timeout)) => {
                    self.connection = Some(connection);
                    self.status = Status::default();
                    format!("new {} {}", connection.state().label(), timeout / 1000)
                }
                Err(reason) => format!("invalid {}", reason.label()),
            };
        };
        let replied = self.status.has(Status::SEEN_REPLY) || direction == Direction::Reply;
        let label = if replied { "established" } else { "new" };
        let step = update(connection, &mut self.status, direction, tcp, &self.settings.timeouts);
        let state = connection.state().label();
        let said = match step {
            Step::Accept(Some(timeout)) => format!("{label} {state} {}", timeout / 1000),
            Step::Accept(None) => format!("{label} {state} keep"),
            Step::Refuse(reason, None) => return format!("invalid {}", reason.label()),
            Step::Refuse(reason, Some(most)) => {
                return format!("invalid {} {}", reason.label(), most / 1000);
            }
            Step::Restart => {
                self.connection = None;
                let opened = self.see(Direction::Original, tcp);
                return format!("restart {opened}");
            }
            Step::Delete => {
                self.connection = None;
                format!("delete {label}")
            }
        };
        if direction == Direction::Reply {
            self.status.set(Status::SEEN_REPLY);
        }
        said
    }

    /// Plays a script and holds every answer against what it expects.
    pub(crate) fn play(&mut self, script: &str) -> &mut Self {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (segment, expected) = line.split_once(':').expect("a colon");
            let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
            let (direction, tcp) = read(segment);
            let said = self.see(direction, &tcp);
            assert_eq!(said, expected, "{line}\n{:#?}", self.connection);
        }
        self
    }

    pub(crate) fn state(&self) -> State {
        self.connection.as_ref().map_or(State::None, Connection::state)
    }

    pub(crate) fn is_assured(&self) -> bool {
        self.status.has(Status::ASSURED)
    }
}

/// Plays a script from the first segment, with the default settings.
pub(crate) fn play(script: &str) -> Conversation {
    let mut conversation = Conversation::new(Settings::default());
    conversation.play(script);
    conversation
}

/// The same where connections may be picked up in the middle.
pub(crate) fn play_loose(script: &str) -> Conversation {
    let mut conversation = Conversation::new(Settings { tcp_loose: true, ..Settings::default() });
    conversation.play(script);
    conversation
}

/// A handshake without options, then nothing: 100 and 300 are the initial sequence numbers.
pub(crate) const HANDSHAKE: &str = "
    > S  seq 100                  : new          syn-sent     120
    < SA seq 300 ack 101          : established  syn-recv     60
    > A  seq 101 ack 301          : established  established  432000
";

/// A handshake, ready to be spoken on.
pub(crate) fn established() -> Conversation {
    play(HANDSHAKE)
}

fn read(segment: &str) -> (Direction, Tcp) {
    let mut words = segment.split_whitespace();
    let direction = match words.next() {
        Some(">") => Direction::Original,
        Some("<") => Direction::Reply,
        other => panic!("direction {other:?}"),
    };
    let flags = words.next().expect("flags").chars().fold(0, |flags, letter| {
        flags
            | match letter {
                'S' => SYN,
                'A' => ACK,
                'F' => FIN,
                'R' => RST,
                'P' => PSH,
                'U' => URG,
                '-' => 0,
                other => panic!("flag {other}"),
            }
    });
    let mut tcp = Tcp { flags, window: 1000, header_length: 20, ..Tcp::default() };
    while let Some(word) = words.next() {
        if matches!(word, "sackok" | "ws" | "sack") {
            tcp.header_length = 32;
        }
        if word == "sackok" {
            tcp.sack_permitted = true;
            continue;
        }
        let number: u32 = words.next().and_then(|number| number.parse().ok()).expect("a number");
        match word {
            "seq" => tcp.sequence = number,
            "ack" => tcp.acknowledgement = number,
            "win" => tcp.window = number.try_into().expect("16 bits"),
            "len" => tcp.payload_length = number,
            "ws" => tcp.window_scale = Some(number.try_into().expect("8 bits")),
            "sack" => tcp.sack_right_edge = Some(number),
            other => panic!("word {other}"),
        }
    }
    (direction, tcp)
}

#[test]
fn a_script_is_held_against_the_tracker() {
    let wrong = std::panic::catch_unwind(|| play("> S seq 1 : new syn-recv 120"));
    assert!(wrong.is_err(), "a wrong expectation must fail");
    assert_eq!(play("> A seq 1 ack 1 : invalid tcp-no-flow").state(), State::None);
    assert!(Reason::ALL.iter().any(|reason| reason.label() == "tcp-no-flow"));
}
