//! How does a reader see the explanation? Indented, one rule in two lines, in at most about 100 columns.

use super::numbers::{FlowReport, SideReport, TrafficReport};
use super::report::{ChainReport, Report, RuleReport};
use dataplane::Reason;
use std::fmt::{self, Display, Formatter};

/// A report for people.
pub struct Text<'a> {
    pub report: &'a Report,
    pub colours: bool,
}

const GREEN: &str = "32";
const RED: &str = "31";
const DIM: &str = "2";
const BOLD: &str = "1";

impl Text<'_> {
    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn verdict(&self, verdict: &str) -> String {
        self.paint(if verdict == "accept" { GREEN } else { RED }, verdict)
    }

    fn ct(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ct = &self.report.ct;
        let given = if ct.given { " (as given)" } else { "" };
        let way = ct.direction.map_or(String::new(), |way| format!(", {way} direction"));
        writeln!(f, "ct       {}{given}{way}", self.paint(BOLD, ct.state))?;
        if let (Some(reason), Some(description)) = (ct.reason, ct.description) {
            writeln!(f, "         {}: {description}", self.paint(RED, reason))?;
        }
        if let Some(bound) = &ct.bound {
            writeln!(f, "         failed: {bound}")?;
        }
        if !ct.given && ct.state != "none" {
            flow(f, "before", ct.before.as_ref(), "no flow is known")?;
            flow(f, "after", ct.after.as_ref(), "no flow is kept")?;
        }
        Ok(())
    }

    fn chain(&self, f: &mut Formatter<'_>, chain: &ChainReport, depth: usize) -> fmt::Result {
        let indent = "    ".repeat(depth);
        let head = self.paint(BOLD, &format!("chain {}", chain.chain));
        match (&chain.hook, chain.priority) {
            (Some(hook), Some(priority)) => {
                writeln!(f, "\n{indent}{head} (hook {hook}, priority {priority})")?;
            }
            _ => writeln!(f, "{indent}{head}")?,
        }
        for rule in &chain.rules {
            self.rule(f, rule, depth + 1)?;
        }
        match (chain.verdict, chain.policy) {
            (Some(verdict), Some(policy)) if chain.by_policy => {
                writeln!(f, "{indent}    policy {policy}: {}", self.verdict(verdict))
            }
            _ => Ok(()),
        }
    }

    fn rule(&self, f: &mut Formatter<'_>, rule: &RuleReport, depth: usize) -> fmt::Result {
        let indent = "    ".repeat(depth);
        let room = 100_usize.saturating_sub(indent.len() + 6);
        let text = shortened(&rule.text, room);
        let number = format!("{:>3}", rule.position);
        writeln!(f, "{indent}{number}  {}", if rule.matched { text } else { self.paint(DIM, &text) })?;
        match (&rule.failed, &rule.verdict) {
            (Some(failed), _) => {
                writeln!(f, "{indent}     no: {} {}: found {}", failed.field, failed.wanted, failed.found)?;
            }
            (None, Some(verdict)) => {
                let painted = match verdict.as_str() {
                    "accept" | "drop" | "reject" => self.verdict(verdict),
                    _ => verdict.clone(),
                };
                writeln!(f, "{indent}     {}: {painted}", self.paint(GREEN, "match"))?;
            }
            (None, None) => writeln!(f, "{indent}     {}, goes on", self.paint(GREEN, "match"))?,
        }
        rule.chain.as_ref().map_or(Ok(()), |chain| self.chain(f, chain, depth + 1))
    }
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let packet = &report.packet;
        let number = packet.n.map_or(String::new(), |n| format!("{n}: "));
        writeln!(f, "packet   {number}{}", self.paint(BOLD, &packet.text))?;
        let fault = packet.fault.map_or(String::new(), |fault| format!(", fault: {fault}"));
        let way = if packet.dir == "out" { "from inside" } else { "from outside" };
        writeln!(
            f,
            "         {way}, {} bytes ({} from the network header on){fault}",
            packet.frame_bytes, packet.network_bytes
        )?;
        if !packet.fragments.is_empty() {
            let numbers: Vec<String> = packet.fragments.iter().map(u64::to_string).collect();
            writeln!(f, "         in fragments: packets {}", numbers.join(", "))?;
        }
        if report.reason == Reason::FragmentTimeout.label() {
            writeln!(
                f,
                "         a fragment: it waits for the others of its datagram, and they do not come in time"
            )?;
        }
        self.ct(f)?;
        for chain in &report.chains {
            self.chain(f, chain, 0)?;
        }
        write!(f, "\nverdict  {} ", self.verdict(report.verdict))?;
        match &report.rule {
            Some(rule) => write!(f, "by {rule}")?,
            None => write!(f, "({}: {})", report.reason, report.description)?,
        }
        report.comment.as_ref().map_or(Ok(()), |comment| write!(f, " \"{comment}\""))
    }
}

fn flow(f: &mut Formatter<'_>, when: &str, flow: Option<&FlowReport>, none: &str) -> fmt::Result {
    let Some(flow) = flow else { return writeln!(f, "         {when:<6} {none}") };
    let state = flow.state.map_or(String::new(), |state| format!(" {state}"));
    let reply = if flow.seen_reply { ", reply seen" } else { "" };
    let assured = if flow.assured { ", assured" } else { "" };
    let seconds = f64::from(flow.ends_in_ms) / 1000.0;
    writeln!(f, "         {when:<6} {}{state}{reply}{assured}, ends in {seconds} s", flow.protocol)?;
    for (name, way) in ["original", "reply"].iter().zip(flow.traffic.iter().flatten()) {
        let TrafficReport { packets, bytes } = way;
        writeln!(f, "                {name:<8} packets {packets} bytes {bytes}")?;
    }
    for (name, side) in [("original", &flow.original), ("reply", &flow.reply)] {
        if let Some(SideReport { end, max_end, max_window, max_ack, scale }) = side {
            writeln!(
                f,
                "                {name:<8} end {end} max_end {max_end} max_window {max_window} max_ack {max_ack} scale {scale}"
            )?;
        }
    }
    Ok(())
}

/// At most `room` characters.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(3)).chain("...".chars()).collect()
}
