//! What does a rule write? Marks of packets and connections, and entries of sets.

use crate::diagnostic::Diagnostic;
use crate::iptables::build::Built;
use crate::iptables::matches::listed;
use crate::iptables::numbers::{self, number};
use crate::iptables::options::Loaded;
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
    let (given, add) = match (target.get("--add-set"), target.get("--del-set")) {
        (Some(given), None) => (given, true),
        (None, Some(given)) => (given, false),
        _ => return Err(Diagnostic::new(target.span, "SET needs one of `--add-set` and `--del-set`")),
    };
    listed::used(&given.values[0], &given.values[1], facts)?;
    let _ = (add, built);
    let message = "SET is not supported yet: a set saved beside the dump does not change";
    Err(Diagnostic::new(target.span, message))
}
