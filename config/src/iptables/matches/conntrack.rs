//! What do `-m conntrack` and `-m state` ask? The state of the connection, and the packet's direction.

use super::connection;
use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::ruleset::{CtKey, Expression, Relation, Selector, Term};
use crate::suggestion::did_you_mean;

/// `-m conntrack`
pub(in crate::iptables) fn conntrack(
    loaded: &Loaded,
    facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    if loaded.given.is_empty() {
        return Err(Diagnostic::new(loaded.span, "the match `conntrack` needs an option"));
    }
    let mut without_connection = false;
    if let Some(given) = loaded.get("--ctstate") {
        let states = states(given, built)?;
        let mut none = ["invalid", "untracked"].iter();
        without_connection = none.any(|state| states.contains(state) != given.negated);
        compare(given, &states, built);
    }
    let other = loaded.given.iter().find(|given| given.option.name() != "--ctstate");
    if let Some(given) = other.filter(|_| without_connection) {
        // The kernel then does not look at the other options for a packet without a connection.
        let message = format!(
            "`{}` beside states that packets without a connection have is not supported",
            given.option.name()
        );
        let help = "a rule of its own for INVALID and UNTRACKED says the same";
        return Err(Diagnostic::new(given.span, message).help(help));
    }
    connection::conntrack(loaded, facts, built)?;
    let Some(given) = loaded.get("--ctdir") else {
        return Ok(());
    };
    let direction = given.value().text.to_ascii_lowercase();
    if !["original", "reply"].contains(&direction.as_str()) {
        return Err(Diagnostic::new(given.value().span, "a direction is ORIGINAL or REPLY"));
    }
    let left = Expression::selector(Selector::Ct(CtKey::Direction), given.span);
    built.equal(left, given.negated, Expression::word(&direction, given.span), given.span);
    Ok(())
}

/// `-m state`
pub(in crate::iptables) fn state(
    loaded: &Loaded,
    _facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let Some(given) = loaded.get("--state") else {
        return Err(Diagnostic::new(loaded.span, "the match `state` needs `--state`"));
    };
    for token in given.value().split(',') {
        if ["snat", "dnat"].contains(&token.text.to_ascii_lowercase().as_str()) {
            return Err(Diagnostic::new(
                token.span,
                format!("`-m conntrack --ctstate` knows {}", token.text),
            ));
        }
    }
    let states = states(given, built)?;
    compare(given, &states, built);
    Ok(())
}

fn compare(given: &Given, states: &[&'static str], built: &mut Built) {
    let span = given.value().span;
    if states.is_empty() {
        // SNAT and DNAT only: no packet is either, and every packet is neither.
        if !given.negated {
            built.never(given.span);
        }
        return;
    }
    let words: Vec<Expression> = states.iter().map(|state| Expression::word(state, span)).collect();
    let left = Expression::selector(Selector::Ct(CtKey::State), given.span);
    let relation = if given.negated { Relation::Not } else { Relation::Implicit };
    let right = match <[Expression; 1]>::try_from(words) {
        Ok([word]) => word,
        Err(words) => Expression::new(Term::List(words), span),
    };
    built.compare(left, relation, right, given.span);
}

/// The states listed, once each.
fn states(given: &Given, built: &mut Built) -> Result<Vec<&'static str>, Diagnostic> {
    let mut found = Vec::new();
    for token in given.value().split(',') {
        let name = token.text.to_ascii_lowercase();
        if ["snat", "dnat"].contains(&name.as_str()) {
            let message =
                format!("no connection is ever {} here: Sluice does not rewrite packets", token.text);
            built.note(token.span, message);
            continue;
        }
        let Some(state) = STATES.into_iter().find(|state| *state == name) else {
            let error = Diagnostic::new(token.span, format!("unknown state `{}`", token.text));
            return Err(match did_you_mean(&name, STATES) {
                Some(help) => error.help(help.to_ascii_uppercase().replace("DID YOU MEAN", "did you mean")),
                None => error,
            });
        };
        if !found.contains(&state) {
            found.push(state);
        }
    }
    Ok(found)
}

const STATES: [&str; 5] = ["established", "related", "new", "invalid", "untracked"];
