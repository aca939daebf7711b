//! What does `-m statistic` ask? Every so many packets one, or a chance.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::numbers::number;
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;

/// `-m statistic`
pub(in crate::iptables) fn translate(
    loaded: &Loaded,
    _facts: &Facts<'_>,
    built: &mut Built,
) -> Result<(), Diagnostic> {
    let Some(mode) = loaded.get("--mode") else {
        return Err(Diagnostic::new(loaded.span, "the match `statistic` needs `--mode`"));
    };
    let random = match mode.value().text.as_str() {
        "random" => true,
        "nth" => false,
        other => {
            let message = format!("a mode is random or nth, not `{other}`");
            return Err(Diagnostic::new(mode.value().span, message));
        }
    };
    let foreign: &[&str] = if random { &["--every", "--packet"] } else { &["--probability"] };
    if let Some(given) = foreign.iter().find_map(|option| loaded.get(option)) {
        let message = format!("`{}` does not go with this mode", given.option.name());
        return Err(Diagnostic::new(given.span, message));
    }
    if random {
        let Some(given) = loaded.get("--probability") else {
            return Err(Diagnostic::new(loaded.span, "the mode random needs `--probability`"));
        };
        let token = given.value();
        let chance = token.text.parse::<f64>().ok().filter(|chance| (0.0..=1.0).contains(chance));
        let Some(chance) = chance else {
            return Err(Diagnostic::new(token.span, "a probability is a number from 0 to 1"));
        };
        // The kernel compares 31 random bits.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 2^31")]
        let bound = (chance * 2_147_483_648.0).round() as u64;
        let relation = if given.negated { ">=" } else { "<" };
        return built.says(&format!("meta random & 2147483647 {relation} {bound}"), loaded.span);
    }
    let Some(given) = loaded.get("--every") else {
        return Err(Diagnostic::new(loaded.span, "the mode nth needs `--every`"));
    };
    let every = number(given.value(), 1, u64::from(u32::MAX))?;
    let Some(packet) = loaded.get("--packet") else {
        return Err(Diagnostic::new(given.span, "`--every` needs `--packet`: 0 is the first"));
    };
    let packet = number(packet.value(), 0, u64::from(u32::MAX))?;
    if packet >= every {
        return Err(Diagnostic::new(given.span, "`--packet` must be less than `--every`"));
    }
    built.remembers = Some(loaded.span);
    let not = if given.negated { "!= " } else { "" };
    built.says(&format!("numgen inc mod {every} {not}{packet}"), loaded.span)
}
