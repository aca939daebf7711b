//! What do matches of iptables look for in a list that a header holds, and on which day? Options of IPv6 extension
//! headers, addresses of a source route, days of the month.

use super::Facts;
use super::extension::Found;
use crate::frame::Frame;
use config::policy::Value;

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// The day of the month in UTC, from 1; before second `until` of a day that of the day before.
    pub(super) fn month_day(&self, until: u32) -> u32 {
        let second = self.now.wall_ns / 1_000_000_000;
        let early = second % DAY < u64::from(until);
        day_of_month((second / DAY).saturating_sub(u64::from(early)))
    }

    /// Whether option number `index` of the header is of this type, and says this length. The walk of `ip6t_hbh`:
    /// `None` if it ends before it comes there.
    pub(super) fn bears_option(&self, header: u8, index: u8, kind: u8, length: u8) -> Option<bool> {
        let Found::At(start) = self.find_extension(header) else { return None };
        let [_, units] = self.bytes_at(start)?;
        let whole = (usize::from(units) + 1) * 8;
        if start + whole > self.end() {
            return None;
        }
        let (mut at, mut left) = (start + 2, whole - 2);
        for step in 0..=index {
            left.checked_sub(1)?;
            let [found] = self.bytes_at(at)?;
            let said = match found {
                PAD => None,
                _ => Some(self.bytes_at::<2>(at).filter(|_| left >= 2)?[1]),
            };
            if step == index {
                let fits = |said: u8| length == ANY_LENGTH || said == length;
                return Some(found == kind && said.is_none_or(fits));
            }
            let size = said.map_or(1, |said| usize::from(said) + 2);
            (at, left) = (at + size, left.checked_sub(size)?);
        }
        None
    }

    /// Where the routing header begins, if the packet holds all of it.
    pub(super) fn route(&self) -> Option<usize> {
        let Found::At(at) = self.find_extension(ROUTING) else { return None };
        (at + self.route_length(at)? <= self.end()).then_some(at)
    }

    fn route_length(&self, at: usize) -> Option<usize> {
        let [_, units] = self.bytes_at(at)?;
        Some((usize::from(units) + 1) * 8)
    }

    /// Whether the routing header holds `wanted`: these alone, or in this order with others between them.
    pub(super) fn routes_by(&self, wanted: &[Value], strict: bool) -> Option<bool> {
        let start = self.route()?;
        let room = (self.route_length(start)? - 8) / 16;
        if wanted.len() > room || strict && wanted.len() != room {
            return Some(false);
        }
        let mut left = wanted;
        for index in 0..room {
            let Some((next, rest)) = left.split_first() else { break };
            let address = Value::from_be_bytes(self.bytes_at(start + 8 + 16 * index)?);
            if address == *next {
                left = rest;
            } else if strict {
                return Some(false);
            }
        }
        Some(left.is_empty())
    }
}

/// The day of the month, from 1, so many days after the first of 1970, by the Gregorian calendar.
const fn day_of_month(days: u64) -> u32 {
    // Counted from the first of March of the year 0, so that a leap day is the last of its year.
    let days = days + 719_468;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

/// Seconds of a day.
const DAY: u64 = 86_400;
/// The option of one byte.
const PAD: u8 = 0;
const ANY_LENGTH: u8 = 255;
const ROUTING: u8 = 43;

#[cfg(test)]
mod tests {
    use super::day_of_month;

    #[test]
    fn every_day_of_four_centuries_is_called_as_in_the_calendar() {
        let mut days = 0;
        for year in 1970_u32..2370 {
            let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
            for length in [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
                for day in 1..=length {
                    assert_eq!(day_of_month(days), day, "day {days}");
                    days += 1;
                }
            }
        }
    }
}
