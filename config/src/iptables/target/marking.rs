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
    let text = changed("meta mark", given, Shift::None)?;
    built.says(&text, target.span)
}

/// What a mark becomes: `(mark & keep) ^ flip`, shifted.
fn changed(mark: &str, given: &Given, shift: Shift) -> Result<String, Diagnostic> {
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
    let kept = match (keep, flip) {
        (0, flip) => return Ok(format!("{mark} set {:#x}", shift.of(flip))),
        (u32::MAX, flip) => format!("{mark} ^ {flip:#x}"),
        (keep, 0) => format!("{mark} & {keep:#x}"),
        (keep, flip) => format!("{mark} & {keep:#x} ^ {flip:#x}"),
    };
    Ok(match shift {
        Shift::None => format!("{mark} set {kept}"),
        shift => format!("{mark} set ({kept}){}", shift.text()),
    })
}

/// `CONNMARK`
pub(super) fn connmark(target: &Loaded, built: &mut Built) -> Done {
    let needs = || {
        let message = "CONNMARK needs one of `--set-mark`, `--set-xmark`, `--and-mark`, `--or-mark`, `--xor-mark`, \
                       `--save-mark`, `--restore-mark`";
        Diagnostic::new(target.span, message)
    };
    let beside = ["--mask", "--nfmask", "--ctmask", "--left-shift-mark", "--right-shift-mark"];
    let mut actions = target.given.iter().filter(|given| !beside.contains(&given.option.name()));
    let (Some(action), None) = (actions.next(), actions.next()) else {
        return Err(needs());
    };
    if let (Some(_), Some(other)) = (target.get("--mask"), target.get("--nfmask").or(target.get("--ctmask")))
    {
        return Err(Diagnostic::new(other.span, "`--mask` is for both marks already"));
    }
    let shift = Shift::of_target(target)?;
    let mask = |name: &str| match target.get("--mask").or(target.get(name)) {
        Some(given) => {
            number(given.value(), 0, u64::from(u32::MAX)).map(|mask| u32::try_from(mask).unwrap_or(0))
        }
        None => Ok(u32::MAX),
    };
    let text = match action.option.name() {
        // Bits of the other mark go over those of this one: (this & !own) ^ (other & mask).
        "--save-mark" => copied("ct mark", mask("--ctmask")?, "meta mark", mask("--nfmask")?, shift),
        "--restore-mark" => copied("meta mark", mask("--nfmask")?, "ct mark", mask("--ctmask")?, shift),
        _ => changed("ct mark", action, shift)?,
    };
    built.says(&text, target.span)
}

/// Where a mark is moved to.
#[derive(Debug, Clone, Copy)]
enum Shift {
    None,
    Left(u32),
    Right(u32),
}

impl Shift {
    /// What `target` says: the last one counts.
    fn of_target(target: &Loaded) -> Result<Self, Diagnostic> {
        let by = |given: &Given| number(given.value(), 0, 31).map(|by| u32::try_from(by).unwrap_or(0));
        let (left, right) = (target.get("--left-shift-mark"), target.get("--right-shift-mark"));
        let is_last = |given: &&Given| right.is_none_or(|right| given.span.start > right.span.start);
        Ok(match (left.filter(is_last), right) {
            (Some(left), _) if by(left)? > 0 => Self::Left(by(left)?),
            (None, Some(right)) if by(right)? > 0 => Self::Right(by(right)?),
            _ => Self::None,
        })
    }

    const fn of(self, mark: u32) -> u32 {
        match self {
            Self::None => mark,
            Self::Left(by) => mark << by,
            Self::Right(by) => mark >> by,
        }
    }

    fn text(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Left(by) => format!(" << {by}"),
            Self::Right(by) => format!(" >> {by}"),
        }
    }
}

fn copied(mark: &str, own: u32, other: &str, mask: u32, shift: Shift) -> String {
    let from = match mask {
        u32::MAX => format!("{other}{}", shift.text()),
        mask => match shift {
            Shift::None => format!("{other} & {mask:#x}"),
            shift => format!("({other} & {mask:#x}){}", shift.text()),
        },
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
