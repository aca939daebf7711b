//! What does a rule write? Marks of packets and connections, and entries of sets.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::matches::listed;
use crate::iptables::numbers::{self, number};
use crate::iptables::options::{Given, Loaded};
use crate::iptables::rule::Facts;

type Done = Result<(), Diagnostic>;

/// `MARK`
pub(super) fn mark(target: &Loaded, built: &mut Built) -> Done {
    let [given] = target.given.as_slice() else {
        return Err(Diagnostic::new(
            target.span,
            "MARK needs one of `--set-mark`, `--set-xmark`, `--and-mark`, `--or-mark`, `--xor-mark`",
        ));
    };
    let text = changed("meta mark", given)?;
    built.says(&text, target.span)
}

/// What a mark becomes: `(mark & keep) ^ flip`.
fn changed(mark: &str, given: &crate::iptables::options::Given) -> Result<String, Diagnostic> {
    let (value, mask) = match given.option.name() {
        "--set-mark" | "--set-xmark" => numbers::masked(given.value())?,
        _ => {
            let value = number(given.value(), 0, u64::from(u32::MAX))?;
            (u32::try_from(value).unwrap_or(u32::MAX), 0)
        }
    };
    let (keep, flip) = match given.option.name() {
        "--set-mark" => (!(value | mask), value),
        "--set-xmark" => (!mask, value),
        "--and-mark" => (value, 0),
        "--or-mark" => (!value, value),
        _ => (u32::MAX, value),
    };
    Ok(match (keep, flip) {
        (0, flip) => format!("{mark} set {flip:#x}"),
        (u32::MAX, flip) => format!("{mark} set {mark} ^ {flip:#x}"),
        (keep, 0) => format!("{mark} set {mark} & {keep:#x}"),
        (keep, flip) => format!("{mark} set {mark} & {keep:#x} ^ {flip:#x}"),
    })
}

/// `CONNMARK`
pub(super) fn connmark(target: &Loaded, built: &mut Built) -> Done {
    let needs = || {
        let message = "CONNMARK needs one of `--set-mark`, `--set-xmark`, `--and-mark`, `--or-mark`, `--xor-mark`, \
                       `--save-mark`, `--restore-mark`";
        Diagnostic::new(target.span, message)
    };
    let masks = ["--mask", "--nfmask", "--ctmask"];
    let mut actions = target.given.iter().filter(|given| !masks.contains(&given.option.name()));
    let (Some(action), None) = (actions.next(), actions.next()) else {
        return Err(needs());
    };
    let mask = |name: &str| match target.get("--mask").or(target.get(name)) {
        Some(given) => {
            number(given.value(), 0, u64::from(u32::MAX)).map(|mask| u32::try_from(mask).unwrap_or(0))
        }
        None => Ok(u32::MAX),
    };
    let text = match action.option.name() {
        // Bits of the other mark go over those of this one: (this & !own) ^ (other & mask).
        "--save-mark" => copied("ct mark", mask("--ctmask")?, "meta mark", mask("--nfmask")?),
        "--restore-mark" => copied("meta mark", mask("--nfmask")?, "ct mark", mask("--ctmask")?),
        _ => changed("ct mark", action)?,
    };
    built.says(&text, target.span)
}

fn copied(mark: &str, own: u32, other: &str, mask: u32) -> String {
    let from = match mask {
        u32::MAX => other.to_owned(),
        mask => format!("{other} & {mask:#x}"),
    };
    match own {
        u32::MAX => format!("{mark} set {from}"),
        own => format!("{mark} set ({mark} & {:#x}) ^ ({from})", !own),
    }
}

/// `SET`
pub(super) fn set(target: &Loaded, facts: &Facts<'_>, built: &mut Built) -> Done {
    let (add, delete) = (target.get("--add-set"), target.get("--del-set"));
    if add.or(delete).is_none() {
        return Err(Diagnostic::new(target.span, "SET needs `--add-set` or `--del-set`"));
    }
    for option in ["--exist", "--timeout"] {
        if let Some(given) = target.get(option).filter(|_| add.is_none()) {
            return Err(Diagnostic::new(given.span, format!("`{option}` goes with `--add-set`")));
        }
    }
    built.remembers = Some(target.span);
    let mut texts = Vec::new();
    let used = |given: &Given| {
        let used = listed::used(&given.values[0], &given.values[1], facts)?;
        facts.shared.may_change(&given.values[0])?;
        Ok::<_, Diagnostic>(used)
    };
    if let Some(given) = add {
        let used = used(given)?;
        let word = if target.get("--exist").is_some() { "update" } else { "add" };
        let timeout = lifetime(target, used.lives, built)?;
        texts.push(format!("{}{word} @{} {{ {}{timeout} }}", used.protocols, used.name, used.key));
        built.sets.push(used.set);
    }
    if let Some(given) = delete {
        let used = used(given)?;
        texts.push(format!("{}delete @{} {{ {} }}", used.protocols, used.name, used.key));
        built.sets.push(used.set);
    }
    texts.iter().try_for_each(|text| built.says(text, target.span))
}

/// ` timeout 5s` for an element of a set whose elements live so long, if they end at all.
fn lifetime(target: &Loaded, lives: Option<u64>, built: &mut Built) -> Result<String, Diagnostic> {
    let Some(given) = target.get("--timeout") else {
        return Ok(String::new());
    };
    match (number(given.value(), 0, LONGEST_TIMEOUT)?, lives) {
        (0, Some(1..)) => {
            let message =
                "`--timeout 0` is not supported: no set of nft keeps an element for ever where others end";
            Err(Diagnostic::new(given.span, message))
        }
        (0, _) => Ok(String::new()),
        (seconds, Some(_)) => Ok(format!(" timeout {seconds}s")),
        (_, None) => {
            let message = "`--timeout` has no effect, as in the kernel: elements of this set do not end";
            built.note(given.span, message);
            Ok(String::new())
        }
    }
}

/// In seconds, of an element of a set.
const LONGEST_TIMEOUT: u64 = 2_147_483;
