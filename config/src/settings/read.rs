//! Does the text have the shape of a settings file? TOML, with known keys of the right types.
//!
//! serde stops at the first mistake. Here the entry it stopped at is taken out and the rest is read again,
//! until what is left has the shape.

use std::mem;
use std::ops::Range;

use serde::Deserialize as _;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::problem::Found;
use super::raw::RawSettings;
use crate::suggestion::nearest;

/// Complaints after which reading stops.
const ENOUGH: usize = 100;

/// What could be read of `text`, and what could not; nothing where the text is not even TOML.
pub(super) fn read(text: &str) -> (Option<RawSettings>, Found) {
    let mut found = Found::default();
    let mut table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            found.add(error.span().unwrap_or_default(), error.message());
            return (None, found);
        }
    };
    loop {
        let error = match RawSettings::deserialize(Deserializer::from(table.clone())) {
            Ok(raw) => return (Some(raw), found),
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let Some(place) = take_out(table.get_mut(), &span, "") else {
            found.add(span, error.message());
            return (None, found);
        };
        complain(&error, &place, &mut found);
        if found.len() >= ENOUGH {
            return (None, found);
        }
    }
}

/// An entry that was taken out.
struct Place {
    /// Path of the table or list it stood in, list positions counted from 0.
    table: String,
    key: String,
    /// Where its key stands, or the entry itself in a list.
    span: Range<usize>,
}

/// Takes out the innermost entry that covers `span`.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>, path: &str) -> Option<Place> {
    for (key, value) in table.iter_mut() {
        let inner = join(path, key.get_ref());
        if let Some(place) = take_out_below(value.get_mut(), span, &inner) {
            return Some(place);
        }
    }
    let key = table
        .iter()
        .find(|(key, value)| covers(&key.span(), span) || covers(&value.span(), span))
        .map(|(key, _)| key.clone())?;
    table.remove(key.get_ref().as_ref());
    Some(Place { table: path.to_owned(), span: key.span(), key: key.into_inner().into_owned() })
}

fn take_out_below(value: &mut DeValue<'_>, span: &Range<usize>, path: &str) -> Option<Place> {
    match value {
        DeValue::Table(table) => take_out(table, span, path),
        DeValue::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let inner = join(path, &index.to_string());
                if let Some(place) = take_out_below(item.get_mut(), span, &inner) {
                    return Some(place);
                }
            }
            let index = items.iter().position(|item| covers(&item.span(), span))?;
            let span = items.get(index)?.span();
            for (at, item) in mem::replace(items, DeArray::new()).into_iter().enumerate() {
                if at != index {
                    items.push(item);
                }
            }
            Some(Place { table: path.to_owned(), key: String::new(), span })
        }
        _ => None,
    }
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Puts serde's words into ours.
fn complain(error: &Error, place: &Place, found: &mut Found) {
    let shown = shown(&join(&place.table, &place.key));
    let message = error.message();
    if let Some(known) = message.strip_prefix("unknown field ") {
        let known: Vec<&str> = known.split('`').skip(3).step_by(2).collect();
        let message = format!("unknown key `{shown}`");
        let short = sysctl_key(&place.key);
        if let Some(near) = nearest(&short, known.iter().copied()) {
            found.know(join(&place.table, near));
            found.add_help(place.span.clone(), message, format!("did you mean `{near}`?"));
        } else {
            let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            let help = format!("the keys here are {}", known.join(", "));
            found.add_help(place.span.clone(), message, help);
        }
    } else {
        found.know(join(&place.table, &place.key));
        let message = message
            .replace("a sequence", "a list")
            .replace("sequence", "list")
            .replace("expected i64", "expected a whole number")
            .replace("invalid type: ", "wrong type: ")
            .replace("map, expected", "table, expected");
        let span = error.span().unwrap_or_else(|| place.span.clone());
        found.add(span, format!("`{shown}`: {message}"));
    }
}

/// The path without positions in lists.
fn shown(path: &str) -> String {
    let parts = path.split('.');
    let names: Vec<&str> =
        parts.filter(|part| !part.is_empty() && !part.bytes().all(|byte| byte.is_ascii_digit())).collect();
    names.join(".")
}

/// What a sysctl of the kernel would be called here; any other key as it is.
fn sysctl_key(key: &str) -> String {
    match key.strip_prefix("nf_conntrack_") {
        Some(rest) => rest.replace("_timeout", "").replace('_', "-"),
        None => key.to_owned(),
    }
}
