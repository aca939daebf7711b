//! Which number does a time stand for? Dates and hours are those of Greenwich (UTC).

use super::Lowered;
use super::constant::described;
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::Value;
use crate::ruleset::{Literal, Type};
use crate::value_names;

/// The number that `literal` stands for where a time is wanted; none if another `kind` is.
pub(super) fn value(literal: &Literal, kind: Type, span: Span) -> Option<Lowered<Value>> {
    let found = match (kind, literal) {
        (Type::Duration, Literal::Number(seconds)) => seconds.checked_mul(1_000),
        (Type::Duration, Literal::Word(text) | Literal::Text(text)) => {
            value_names::duration(text).map(Value::from)
        }
        (Type::Time, Literal::Number(seconds)) => seconds.checked_mul(NANOSECONDS),
        (Type::Time, Literal::Word(text) | Literal::Text(text)) => date(text),
        (Type::Hour, Literal::Number(seconds)) => Some(*seconds).filter(|seconds| *seconds < DAY),
        (Type::Hour, Literal::Word(text) | Literal::Text(text)) => hour(text),
        (Type::Day, Literal::Number(day)) => Some(*day).filter(|day| *day < 7),
        (Type::Day, Literal::Word(text) | Literal::Text(text)) => value_names::value(Type::Day, text),
        (Type::Duration | Type::Time | Type::Hour | Type::Day, _) => None,
        _ => return None,
    };
    let most = super::constant::ones(kind.width());
    Some(found.filter(|found| *found <= most).ok_or_else(|| {
        let help = match kind {
            Type::Duration => "as `1h30m`",
            Type::Time => "as `\"2026-01-31 17:00:00\"`",
            Type::Hour => "as `\"17:00\"`",
            _ => "as `\"Monday\"`",
        };
        Diagnostic::new(span, format!("this is not {}", described(kind))).help(help)
    }))
}

/// `2026-01-31`, `2026-01-31 17:00` or `2026-01-31 17:00:00`, in nanoseconds since 1970.
fn date(text: &str) -> Option<Value> {
    let (day, time) = text.split_once(' ').unwrap_or((text, "00:00"));
    let mut parts = day.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let length = match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if parts.next().is_some() || !(1970..=2500).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let days = days_since_1970(year, month, day);
    Some((Value::from(days) * DAY + hour(time)?) * NANOSECONDS)
}

/// Days from 1970-01-01, counting years from March so that a leap day comes last.
const fn days_since_1970(year: u32, month: u32, day: u32) -> u32 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + of_year - 719_468
}

/// `17:00` or `17:00:00`, in seconds.
fn hour(text: &str) -> Option<Value> {
    let mut parts = text.split(':').map(|part| {
        let plain = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| plain)
    });
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = match parts.next() {
        Some(seconds) => seconds?,
        None => 0,
    };
    let fits = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    fits.then_some(Value::from(hours * 3_600 + minutes * 60 + seconds))
}

const NANOSECONDS: Value = 1_000_000_000;
/// In seconds.
const DAY: Value = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(date("1970-01-01"), Some(0));
        assert_eq!(date("2019-06-21 17:00:00"), Some(1_561_136_400 * NANOSECONDS));
        assert_eq!(date("2000-02-29 00:01"), Some(951_782_460 * NANOSECONDS));
        assert_eq!([date("2019-02-29"), date("2019-13-01"), date("2019"), date("")], [None; 4]);
    }

    #[test]
    fn a_day_has_24_hours() {
        assert_eq!([hour("17:00"), hour("00:00:59")], [Some(61_200), Some(59)]);
        assert_eq!([hour("24:00"), hour("1"), hour("1:60"), hour("1:2:3:4")], [None; 4]);
    }
}
