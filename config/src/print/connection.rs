//! How are helpers and timeouts of connections written?

use std::fmt::{self, Formatter};

use super::comment;
use crate::policy::Family;
use crate::ruleset::{CtHelper, CtTimeout, Object};

pub(super) fn helper(f: &mut Formatter<'_>, helper: &Object<CtHelper>) -> fmt::Result {
    writeln!(f, "\tct helper {} {{", helper.name)?;
    comment(f, 2, helper.comment.as_deref())?;
    writeln!(f, "\t\ttype \"{}\" protocol {}", helper.what.kind.name(), transport(helper.what.protocol))?;
    said(f, helper.what.family)?;
    writeln!(f, "\t}}")
}

pub(super) fn timeouts(f: &mut Formatter<'_>, timeouts: &Object<CtTimeout>) -> fmt::Result {
    writeln!(f, "\tct timeout {} {{", timeouts.name)?;
    comment(f, 2, timeouts.comment.as_deref())?;
    writeln!(f, "\t\tprotocol {}", transport(timeouts.what.protocol))?;
    said(f, timeouts.what.family)?;
    let values: Vec<String> =
        timeouts.what.values.iter().map(|(state, seconds)| format!("{} : {seconds}", state.word())).collect();
    if !values.is_empty() {
        writeln!(f, "\t\tpolicy = {{ {} }}", values.join(", "))?;
    }
    writeln!(f, "\t}}")
}

fn said(f: &mut Formatter<'_>, family: Option<Family>) -> fmt::Result {
    match family {
        Some(family) => writeln!(f, "\t\tl3proto {family}"),
        None => Ok(()),
    }
}

const fn transport(protocol: u8) -> &'static str {
    if protocol == 6 { "tcp" } else { "udp" }
}
