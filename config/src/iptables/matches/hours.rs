//! What does `-m time` ask? That a packet comes on certain days, at certain hours, all in UTC.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::policy::Sought;

type Done = Result<(), Diagnostic>;

/// `-m time`
pub(in crate::iptables) fn translate(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    if let Some(given) = loaded.get("--kerneltz") {
        built.note(
            given.span,
            "the kernel's own time zone is UTC here, as it is of a host whose clock runs in UTC",
        );
    }
    let read = |name: &str, missing: i64| loaded.get(name).map_or(Ok(missing), |given| date(given.value()));
    let (first, last) = (read("--datestart", 0)?, read("--datestop", i64::from(i32::MAX))?);
    if first > last {
        return Err(Diagnostic::new(loaded.span, "the dates end before they start"));
    }
    if loaded.get("--datestart").is_some() {
        built.says(&format!("meta time >= \"{}\"", written(first)), loaded.span)?;
    }
    if loaded.get("--datestop").is_some() {
        // All of the last second.
        built.says(&format!("meta time < \"{}\"", written(last + 1)), loaded.span)?;
    }
    let read = |name: &str, missing: i64| loaded.get(name).map_or(Ok(missing), |given| hour(given.value()));
    let (start, stop) = (read("--timestart", 0)?, read("--timestop", DAY - 1)?);
    let days = weekdays(loaded)?;
    if let Some(given) = loaded.get("--monthdays") {
        let days = month_days(given)?;
        let until = if loaded.get("--contiguous").is_some() { stop + 1 } else { 0 };
        let until = u32::try_from(until).unwrap_or_default();
        built.sought(Sought::MonthDay { days, until }, false, given.span);
    }
    if let Some(given) = loaded.get("--contiguous") {
        if start <= stop {
            let message = "`--contiguous` goes with hours that end before they start, on the next day";
            return Err(Diagnostic::new(given.span, message));
        }
        if loaded.get("--weekdays").is_some() {
            return contiguous(start, stop, days, loaded, built);
        }
    }
    let clock = |second: i64| format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    if start < stop && (start, stop) != (0, DAY - 1) {
        built.says(&format!("meta hour \"{}\"-\"{}\"", clock(start), clock(stop)), loaded.span)?;
    } else if start > stop + 1 {
        built.says(&format!("meta hour != \"{}\"-\"{}\"", clock(stop + 1), clock(start - 1)), loaded.span)?;
    }
    if let Some(given) = loaded.get("--weekdays") {
        match days_text(days) {
            Some(text) => built.says(&format!("meta day {{ {text} }}"), given.span)?,
            None => built.never(given.span),
        }
    }
    Ok(())
}

/// The hours after midnight belong to the day before.
fn contiguous(start: i64, stop: i64, days: [bool; 7], loaded: &Loaded, built: &mut Built) -> Done {
    let clock = |second: i64| format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    let mut shifted = days;
    shifted.rotate_right(1);
    let mut either = Vec::new();
    if let Some(text) = days_text(days) {
        either.push(format!("meta hour >= \"{}\" meta day {{ {text} }}", clock(start)));
    }
    if let Some(text) = days_text(shifted) {
        either.push(format!("meta hour <= \"{}\" meta day {{ {text} }}", clock(stop)));
    }
    if either.is_empty() {
        built.never(loaded.span);
        return Ok(());
    }
    built.one_of(&either, loaded.span)
}

fn days_text(days: [bool; 7]) -> Option<String> {
    let numbers: Vec<String> = (0..7).filter(|day| days[*day]).map(|day| day.to_string()).collect();
    (!numbers.is_empty()).then(|| numbers.join(", "))
}

/// A bit for each day that is meant.
fn month_days(given: &Given) -> Result<u32, Diagnostic> {
    let mut days = 0_u32;
    for token in given.value().split(',') {
        days |= 1 << number(&token, 1, 31)?;
    }
    Ok(if given.negated { !days & EVERY_DAY } else { days })
}

/// From Sunday on.
fn weekdays(loaded: &Loaded) -> Result<[bool; 7], Diagnostic> {
    let Some(given) = loaded.get("--weekdays") else {
        return Ok([true; 7]);
    };
    let mut days = [given.negated; 7];
    for token in given.value().split(',') {
        let said = &token.text;
        let named = || DAYS.iter().position(|day| said.len() >= 2 && day.starts_with(said.as_str()));
        let number = said.parse::<usize>().ok().filter(|day| (1..=7).contains(day)).map(|day| day % 7);
        let Some(day) = number.or_else(named) else {
            return Err(Diagnostic::new(token.span, format!("`{}` is not a day of the week", token.text)));
        };
        days[day] = !given.negated;
    }
    Ok(days)
}

/// `hh:mm[:ss]`, as a second of the day.
fn hour(token: &Token) -> Result<i64, Diagnostic> {
    let parts: Vec<&str> = token.text.split(':').collect();
    let limits = [23, 59, 59];
    let read = |(part, most): (&&str, i64)| {
        part.parse::<u8>().ok().map(i64::from).filter(|value| *value <= most && part.len() <= 2)
    };
    let values: Option<Vec<i64>> = parts.iter().zip(limits).map(read).collect();
    let value = match (values.as_deref(), parts.len()) {
        (Some([hour, minute]), 2) => Some(hour * 3600 + minute * 60),
        (Some([hour, minute, second]), 3) => Some(hour * 3600 + minute * 60 + second),
        _ => None,
    };
    value.ok_or_else(|| Diagnostic::new(token.span, format!("`{}` is not a time as hh:mm:ss", token.text)))
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`, in seconds since 1970.
fn date(token: &Token) -> Result<i64, Diagnostic> {
    let error = || {
        let message = format!("`{}` is not a date as YYYY-MM-DDThh:mm:ss from 1970 to 2038", token.text);
        Diagnostic::new(token.span, message)
    };
    let (day, time) = match token.text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (token.text.as_str(), None),
    };
    let mut fields = [1970_i64, 1, 1, 0, 0, 0];
    let limits = [(1970, 2038), (1, 12), (1, 31), (0, 23), (0, 59), (0, 59)];
    let parts: Vec<&str> = day.split('-').collect();
    let times: Vec<&str> = time.map_or_else(Vec::new, |time| time.split(':').collect());
    if parts.len() > 3 || times.len() > 3 || time.is_some() && parts.len() < 3 {
        return Err(error());
    }
    let places = (0..parts.len()).chain(3..3 + times.len());
    for (place, part) in places.zip(parts.iter().chain(&times)) {
        let (least, most) = limits[place];
        let digits = !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        let value = part.parse().ok().filter(|value| digits && (least..=most).contains(value));
        fields[place] = value.ok_or_else(error)?;
    }
    let [year, month, day, hour, minute, second] = fields;
    let seconds = days_before(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    if seconds > i64::from(i32::MAX) {
        return Err(error());
    }
    Ok(seconds)
}

/// Days from 1970 on, of the Gregorian calendar; a day too many goes into the next month.
const fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// As nft writes it.
fn written(seconds: i64) -> String {
    let (mut year, days) = (1970, seconds / DAY);
    while days_before(year + 1, 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1, 1) <= days {
        month += 1;
    }
    let (day, second) = (days - days_before(year, month, 1) + 1, seconds % DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

const DAY: i64 = 86_400;
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The bits of the days 1 to 31.
const EVERY_DAY: u32 = u32::MAX << 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_date_is_written_as_it_was_read() {
        for (text, seconds) in [("1970-01-01 00:00:00", 0), ("2000-02-29 12:00:01", 951_825_601)] {
            assert_eq!(written(seconds), text);
        }
        for seconds in (0..i64::from(i32::MAX)).step_by(12_345_678) {
            let text = written(seconds).replace(' ', "T");
            let token = Token { text, span: crate::diagnostic::Span::default(), quoted: false };
            assert_eq!(date(&token).expect("a date"), seconds);
        }
    }
}
