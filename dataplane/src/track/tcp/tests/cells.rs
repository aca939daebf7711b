//! Every cell of the state table, by name.

use crate::track::Direction;
use crate::track::tcp::{Class, Move, State, next};

/// One row a state: where SYN, SYN+ACK, FIN, ACK and RST lead.
const ROWS: &str = "
    original none         syn-sent   refuse     refuse     established refuse
    original syn-sent     syn-sent   refuse     refuse     refuse      close
    original syn-recv     ignore     syn-recv   fin-wait   established close
    original established  ignore     refuse     fin-wait   established close
    original fin-wait     ignore     refuse     last-ack   close-wait  close
    original close-wait   ignore     refuse     last-ack   close-wait  close
    original last-ack     ignore     refuse     last-ack   time-wait   close
    original time-wait    syn-sent   refuse     time-wait  time-wait   close
    original close        syn-sent   refuse     close      close       close
    original syn-sent2    syn-sent2  syn-recv   refuse     refuse      close
    reply    none         refuse     refuse     refuse     refuse      refuse
    reply    syn-sent     syn-sent2  syn-recv   refuse     ignore      close
    reply    syn-recv     refuse     ignore     fin-wait   syn-recv    close
    reply    established  refuse     ignore     fin-wait   established close
    reply    fin-wait     refuse     ignore     last-ack   close-wait  close
    reply    close-wait   refuse     ignore     last-ack   close-wait  close
    reply    last-ack     refuse     ignore     last-ack   time-wait   close
    reply    time-wait    syn-sent   ignore     time-wait  time-wait   close
    reply    close        refuse     ignore     close      close       close
    reply    syn-sent2    syn-sent2  syn-recv   refuse     ignore      close
";

const CLASSES: [Class; 5] = [Class::Syn, Class::SynAck, Class::Fin, Class::Ack, Class::Reset];

#[test]
fn every_cell_leads_where_it_should() {
    let mut cells = 0;
    for row in ROWS.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let mut words = row.split_whitespace();
        let direction = match words.next() {
            Some("original") => Direction::Original,
            Some("reply") => Direction::Reply,
            other => panic!("{other:?}"),
        };
        let name = words.next().unwrap();
        let state = State::ALL.into_iter().find(|state| state.label() == name).unwrap();
        for class in CLASSES {
            let expected = words.next().unwrap();
            let found = match next(direction, state, class) {
                Move::To(state) => state.label(),
                Move::Ignore => "ignore",
                Move::Refuse => "refuse",
            };
            assert_eq!(found, expected, "{direction:?} {class:?} in {name}");
            cells += 1;
        }
    }
    assert_eq!(cells, 2 * State::COUNT * CLASSES.len());
}

#[test]
fn states_are_numbered_in_order() {
    for (number, state) in State::ALL.into_iter().enumerate() {
        assert_eq!(state as usize, number);
        assert_eq!(next(Direction::Original, state, Class::None), Move::Refuse);
    }
}

#[test]
fn only_the_originators_ack_establishes() {
    for (direction, state, class) in [Direction::Original, Direction::Reply]
        .into_iter()
        .flat_map(|direction| State::ALL.map(|state| (direction, state)))
        .flat_map(|(direction, state)| CLASSES.map(|class| (direction, state, class)))
        .filter(|&(_, state, _)| state != State::Established)
    {
        let does = next(direction, state, class) == Move::To(State::Established);
        let may = direction == Direction::Original
            && class == Class::Ack
            && matches!(state, State::None | State::SynRecv);
        assert_eq!(does, may, "{direction:?} {class:?} in {state:?}");
    }
}
