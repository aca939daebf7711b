//! Do the values make sense, alone and together? From the raw form to [`Settings`].

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;

use super::eal::{lcore_count, memory};
use super::problem::Found;
use super::raw::{RawEal, RawRules, RawSettings, RawWorkers};
use super::wires::wires;
use super::{CAN_BE_LEFT_OUT, Conntrack, Device, Eal, Rules, Settings, Workers};

/// Everything in `raw` checked; `None` if something required is missing or cannot be.
pub(super) fn check(raw: RawSettings, found: &mut Found) -> Option<Settings> {
    let workers = workers(raw.workers, found);
    let eal = match raw.eal {
        Some(table) => eal(table, workers, found),
        None => {
            found.missing(0..0, "eal", "devices");
            None
        }
    };
    let devices = eal.as_ref().map(|eal| eal.devices.as_slice());
    let wires = wires(raw.wires, devices, found);
    let rules = match raw.rules {
        Some(table) => rules(table, found),
        None => {
            found.missing(0..0, "rules", "files");
            None
        }
    };
    let conntrack = Conntrack {
        tcp_loose: raw.conntrack.tcp_loose,
        timeouts: raw.conntrack.timeouts.check(|key, value| timeout(key, &value, found)),
    };
    Some(Settings { eal: eal?, workers, wires, rules: rules?, conntrack })
}

fn workers(raw: RawWorkers, found: &mut Found) -> Workers {
    let mut workers = Workers::default();
    if let Some(count) = raw.count {
        let valid = whole(&count, 1..=127, "workers.count", found);
        workers.count = valid.unwrap_or(workers.count);
    }
    if let Some(flows) = raw.flows {
        let valid = whole(&flows, 1024..=1 << 30, "workers.flows", found);
        workers.flows = valid.unwrap_or(workers.flows);
    }
    workers
}

/// Seconds in the longest timeout a deadline can express: 2^31 - 1 ms.
const LONGEST_TIMEOUT: i64 = i32::MAX as i64 / 1000;

fn timeout(key: &str, value: &Spanned<i64>, found: &mut Found) -> Option<Duration> {
    let key = format!("conntrack.timeouts.{key}");
    whole(value, 1..=LONGEST_TIMEOUT, &key, found).map(Duration::from_secs)
}

/// A whole number within bounds.
fn whole<T: TryFrom<i64>>(
    value: &Spanned<i64>,
    range: RangeInclusive<i64>,
    key: &str,
    found: &mut Found,
) -> Option<T> {
    let number = *value.get_ref();
    if range.contains(&number) {
        return T::try_from(number).ok();
    }
    let (low, high) = range.into_inner();
    found.add(value.span(), format!("`{key}`: {number} is not between {low} and {high}"));
    None
}

fn eal(table: Spanned<RawEal>, workers: Workers, found: &mut Found) -> Option<Eal> {
    let span = table.span();
    let raw = table.into_inner();
    let memory =
        raw.memory.map_or(Some(512), |text| checked(&text, "eal.memory", memory(text.get_ref()), found));
    if let Some(map) = &raw.lcores
        && let Some(count) = checked(map, "eal.lcores", lcore_count(map.get_ref()), found)
        && count <= usize::from(workers.count)
    {
        let message =
            format!("`eal.lcores`: {count} lcores for {} workers and one that steers", workers.count);
        found.add(map.span(), message);
    }
    let file_prefix = match raw.file_prefix {
        Some(prefix) => {
            let word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
            let good = !prefix.get_ref().is_empty() && prefix.get_ref().bytes().all(word);
            let result = good.then_some(()).ok_or("letters, digits, `_`, `-` and `.` only");
            checked(&prefix, "eal.file-prefix", result, found);
            prefix.into_inner()
        }
        None => "sluice".to_owned(),
    };
    let devices = devices(raw.devices, span, found);
    Some(Eal {
        memory: memory?,
        huge_pages: raw.huge_pages.unwrap_or(false),
        lcores: raw.lcores.map(Spanned::into_inner),
        devices: devices?,
        file_prefix,
        extra: raw.extra.into_iter().map(Spanned::into_inner).collect(),
    })
}

fn devices(
    raw: Option<Spanned<Vec<Spanned<String>>>>,
    table: Range<usize>,
    found: &mut Found,
) -> Option<Vec<Device>> {
    let Some(list) = raw else {
        found.missing(table, "eal", "devices");
        return None;
    };
    let mut names = BTreeSet::new();
    let mut devices = Vec::new();
    let mut complete = true;
    for text in list.into_inner() {
        let parsed = Device::parse(text.get_ref());
        let Some(device) = checked(&text, "eal.devices", parsed, found) else {
            complete = false;
            continue;
        };
        if !names.insert(device.name().to_owned()) {
            let message = format!("`eal.devices`: `{}` stands here twice", device.name());
            found.add(text.span(), message);
        }
        devices.push(device);
    }
    complete.then_some(devices)
}

fn rules(table: Spanned<RawRules>, found: &mut Found) -> Option<Rules> {
    let span = table.span();
    let raw = table.into_inner();
    let can_be = |word: &Spanned<String>| CAN_BE_LEFT_OUT.contains(&word.get_ref().as_str());
    for word in raw.leave_out.iter().filter(|word| !can_be(word)) {
        let known = CAN_BE_LEFT_OUT.join(", ");
        found.add(word.span(), format!("`rules.leave-out`: `{}` is none of {known}", word.get_ref()));
    }
    let leave_out = raw.leave_out.into_iter().map(Spanned::into_inner).collect();
    let Some(list) = raw.files else {
        found.missing(span, "rules", "files");
        return None;
    };
    if list.get_ref().is_empty() {
        found.add(list.span(), "`rules.files`: no file at all");
    }
    let mut files = Vec::new();
    for file in list.into_inner() {
        if file.get_ref().is_empty() {
            found.add(file.span(), "`rules.files`: an empty path");
        }
        files.push(file.into_inner());
    }
    Some(Rules { files, leave_out })
}

/// The value, or a complaint that names `key` and the text.
pub(super) fn checked<T>(
    text: &Spanned<String>,
    key: &str,
    result: Result<T, &'static str>,
    found: &mut Found,
) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(why) => {
            found.add(text.span(), format!("`{key}`: `{}`: {why}", text.get_ref()));
            None
        }
    }
}
