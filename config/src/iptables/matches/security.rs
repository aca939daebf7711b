//! What do `-m ah`, `esp` and `ipcomp` ask? Which security parameters index a packet bears.

use crate::diagnostic::Diagnostic;
use crate::iptables::Version;
use crate::iptables::build::Built;
use crate::iptables::numbers::{self, Range, number};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;
use crate::policy::Header;
use crate::ruleset::Protocol;

type Done = Result<(), Diagnostic>;

/// `-m ah`: in IPv4 a protocol, in IPv6 an extension header.
pub(in crate::iptables) fn ah(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let header = match facts.version {
        Version::V4 => "ah",
        Version::V6 => "ah6",
    };
    if facts.version == Version::V4 {
        needs(loaded, facts, "ah", 51)?;
        built.whole(Header::Transport(12), Some(Protocol::Ah), loaded.span);
    } else {
        built.whole(Header::Extension { number: 51, bytes: 12 }, None, loaded.span);
        built.says("exthdr ah6 exists", loaded.span)?;
    }
    for given in &loaded.given {
        match given.option.name() {
            "--ahspi" => spi(&format!("{header} spi"), given, u64::from(u32::MAX), built)?,
            "--ahres" if facts.version == Version::V6 => built.says("ah6 reserved 0", given.span)?,
            "--ahlen" if facts.version == Version::V6 => length(given, built)?,
            option => {
                let message = format!("`{option}` is for IPv6 only");
                return Err(Diagnostic::new(given.span, message));
            }
        }
    }
    Ok(())
}

/// In bytes; the header counts units of four, less two. The kernel takes zero for no condition.
fn length(given: &Given, built: &mut Built) -> Done {
    let bytes = number(given.value(), 0, u64::from(u32::MAX))?;
    let units = (bytes % 4 == 0).then_some(bytes / 4).and_then(|units| units.checked_sub(2));
    match (units.filter(|units| *units <= 255), given.negated) {
        _ if bytes == 0 => Ok(()),
        (Some(units), false) => built.says(&format!("ah6 hdrlength {units}"), given.span),
        (Some(units), true) => built.says(&format!("ah6 hdrlength != {units}"), given.span),
        (None, false) => {
            built.never(given.span);
            Ok(())
        }
        (None, true) => Ok(()),
    }
}

/// `-m esp`
pub(in crate::iptables) fn esp(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    needs(loaded, facts, "esp", 50)?;
    built.whole(Header::Transport(8), Some(Protocol::Esp), loaded.span);
    match loaded.get("--espspi") {
        Some(given) => spi("esp spi", given, u64::from(u32::MAX), built),
        None => Ok(()),
    }
}

/// `-m ipcomp`
pub(in crate::iptables) fn ipcomp(loaded: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    needs(loaded, facts, "ipcomp", 108)?;
    built.whole(Header::Transport(4), Some(Protocol::Comp), loaded.span);
    for given in &loaded.given {
        match given.option.name() {
            // The kernel's index has 32 bits, that of a packet 16.
            "--ipcompspi" => spi("comp cpi", given, u64::from(u16::MAX), built)?,
            _ => built.says("comp flags 0", given.span)?,
        }
    }
    Ok(())
}

fn needs(loaded: &Loaded, facts: &Facts<'_>, name: &str, protocol: u8) -> Done {
    if facts.only(protocol) {
        return Ok(());
    }
    Err(Diagnostic::new(loaded.span, format!("the match `{name}` needs `-p {name}`")))
}

fn spi(left: &str, given: &Given, most: u64, built: &mut Built) -> Done {
    let Range { low, high } = numbers::range(given.value(), u64::from(u32::MAX))?;
    let all = low == 0 && high >= most;
    match (all || low > most, all == given.negated) {
        (true, true) => {
            built.never(given.span);
            Ok(())
        }
        (true, false) => Ok(()),
        (false, _) => built.says(&Range { low, high }.compare(left, given.negated, most), given.span),
    }
}
