//! How is a rule named, and what became of a packet?

use super::Linter;
use super::model::Effect;
use crate::diagnostic::Span;
use crate::policy::RuleId;

impl Linter<'_> {
    /// "the rule at line 3", "the rules at lines 3, 5 and 9".
    pub(super) fn lines(&self, rules: &[RuleId], from: Span) -> String {
        let elsewhere = rules.iter().any(|rule| self.places.rule(*rule).source != from.source);
        let mut words: Vec<String> = rules
            .iter()
            .map(|rule| {
                let span = self.places.rule(*rule);
                let line = self.places.line(self.ruleset, span);
                let source = self.ruleset.sources.get(usize::from(span.source)).filter(|_| elsewhere);
                source.map_or_else(|| line.to_string(), |source| format!("{}:{line}", source.name))
            })
            .collect();
        words.dedup();
        let more = words.len().saturating_sub(MOST_LINES);
        words.truncate(MOST_LINES);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        let line = if elsewhere { "" } else { "line " };
        let plural = if elsewhere { "" } else { "lines " };
        match words.split_last() {
            None => "the rules".to_owned(),
            Some((only, [])) => format!("the rule at {line}{only}"),
            Some((last, rest)) => format!("the rules at {plural}{} and {last}", rest.join(", ")),
        }
    }

    /// "accepted by the rule at line 3".
    pub(super) fn fate(&self, rule: Option<RuleId>, effect: Option<Effect>, from: Span) -> String {
        let done = effect.map_or("not seen", past);
        match rule {
            Some(rule) => format!("{done} by {}", self.lines(&[rule], from)),
            None => format!("{done} by the policy of the chain"),
        }
    }
}

pub(super) const fn past(effect: Effect) -> &'static str {
    match effect {
        Effect::Accept => "accepted",
        Effect::Drop => "dropped",
        _ => "rejected",
    }
}

/// Lines named in one message.
const MOST_LINES: usize = 4;
