//! What do `-m conntrack` and `-m state` ask? The state of the connection, and the packet's direction.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::ruleset::{CtKey, Expression, Relation, Selector, Term};
use crate::suggestion::did_you_mean;

/// `-m conntrack`
pub(in crate::iptables) fn conntrack(
    loaded: &Loaded,
    _facts: &Facts,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    if loaded.given.is_empty() {
        return Err(Diagnostic::new(loaded.span, "the match `conntrack` needs an option"));
    }
    let mut without_connection = false;
    if let Some(given) = loaded.get("--ctstate") {
        let states = states(given)?;
        let mut none = ["invalid", "untracked"].iter();
        without_connection = none.any(|state| states.contains(state) != given.negated);
        compare(given, &states, built);
    }
    let Some(given) = loaded.get("--ctdir") else {
        return Ok(());
    };
    if without_connection {
        // The kernel then does not look at the direction of a packet without a connection.
        let message = "`--ctdir` beside states that packets without a connection have is not supported yet";
        let help = "a rule of its own for INVALID and UNTRACKED says the same";
        return Err(Diagnostic::new(given.span, message).help(help));
    }
    let direction = given.value().text.to_ascii_lowercase();
    if !["original", "reply"].contains(&direction.as_str()) {
        return Err(Diagnostic::new(given.value().span, "a direction is ORIGINAL or REPLY"));
    }
    let left = Expression::selector(Selector::Ct(CtKey::Direction), given.span);
    built.equal(left, false, Expression::word(&direction, given.span), given.span);
    Ok(())
}

/// `-m state`
pub(in crate::iptables) fn state(
    loaded: &Loaded,
    _facts: &Facts,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let Some(given) = loaded.get("--state") else {
        return Err(Diagnostic::new(loaded.span, "the match `state` needs `--state`"));
    };
    let states = states(given)?;
    compare(given, &states, built);
    Ok(())
}

fn compare(given: &Given, states: &[&'static str], built: &mut Built) {
    let span = given.value().span;
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
fn states(given: &Given) -> Result<Vec<&'static str>, Diagnostic> {
    let mut found = Vec::new();
    for token in given.value().split(',') {
        let name = token.text.to_ascii_lowercase();
        if ["snat", "dnat"].contains(&name.as_str()) {
            let message =
                format!("the state `{}` is not supported: Sluice does not rewrite packets", token.text);
            return Err(Diagnostic::new(token.span, message));
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
