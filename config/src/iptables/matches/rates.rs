//! What do `-m limit` and `-m quota` let through? As much as a bucket has tokens for.

use super::fields::only;
use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::lexer::Token;
use crate::iptables::numbers::number;
use crate::iptables::options::Loaded;
use crate::iptables::rule::Facts;

type Done = Result<(), Diagnostic>;

/// So many in a lapse of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) count: u64,
    /// Of bytes rather than packets.
    pub(super) bytes: bool,
    pub(super) unit: &'static str,
    pub(super) seconds: u64,
}

impl Rate {
    pub(super) fn text(self) -> String {
        match self.bytes {
            true => format!("{} bytes/{}", self.count, self.unit),
            false => format!("{}/{}", self.count, self.unit),
        }
    }
}

/// `-m limit`
pub(in crate::iptables) fn limit(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let rate = match loaded.get("--limit") {
        Some(given) => packets(given.value(), 10_000)?,
        None => Rate { count: 3, bytes: false, unit: "hour", seconds: 3600 },
    };
    let burst = match loaded.get("--limit-burst") {
        Some(given) => number(given.value(), 0, 10_000)?,
        None => 0,
    };
    // None is as many as where nothing is said.
    let burst = if burst == 0 { 5 } else { burst };
    built.remembers = Some(loaded.span);
    built.says(&format!("limit rate {} burst {burst} packets", rate.text()), loaded.span)
}

/// `5/minute`, of which the beginning of the unit is enough.
pub(super) fn packets(token: &Token, fastest: u64) -> Result<Rate, Diagnostic> {
    let (count, unit) = token.split_once('/');
    let said = unit.map_or_else(|| "second".to_owned(), |unit| unit.text.to_ascii_lowercase());
    let known = UNITS.iter().find(|(name, _)| !said.is_empty() && name.starts_with(&said));
    let Some(&(unit, seconds)) = known else {
        let message = format!("`{}` is not a rate: a number and /second, /minute, /hour or /day", token.text);
        return Err(Diagnostic::new(token.span, message));
    };
    let count = number(&count, 1, u64::from(u32::MAX))?;
    if count > fastest * seconds {
        return Err(Diagnostic::new(token.span, "the kernel knows no rate as high as this"));
    }
    Ok(Rate { count, bytes: false, unit, seconds })
}

/// `-m quota`
pub(in crate::iptables) fn quota(loaded: &Loaded, _facts: &Facts<'_>, built: &mut Built) -> Done {
    let given = only(loaded)?;
    let bytes = number(given.value(), 0, u64::MAX)?;
    built.remembers = Some(given.span);
    if bytes > MOST_BYTES {
        built.note(given.span, "nobody counts so far: 2^63 bytes less one stand for it");
    }
    let bytes = bytes.min(MOST_BYTES);
    let over = if given.negated { "over " } else { "" };
    built.says(&format!("quota {over}{bytes} bytes"), given.span)
}

/// As nft writes so many milliseconds.
pub(super) fn lapse(milliseconds: u64) -> String {
    match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        rest if milliseconds < 1000 => format!("{rest}ms"),
        rest => format!("{}s{rest}ms", milliseconds / 1000),
    }
}

/// What a quota of nft may be.
const MOST_BYTES: u64 = u64::MAX >> 1;

/// What a set has room for if nothing says so, as in nft.
pub(super) const ROOM: u64 = 65_535;

const UNITS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];
