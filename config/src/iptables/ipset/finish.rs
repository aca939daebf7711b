//! What is to be done once all sets are read? Networks within others are taken apart, and lists get the elements of the
//! sets they hold.

use std::fmt::Write;
use std::mem::take;

use super::nested::{self, Net};
use super::{IpSets, Part, Saved};
use crate::diagnostic::{Diagnostic, Span};
use crate::iptables::Version;
use crate::iptables::lexer::Token;
use crate::nft;
use crate::ruleset::Elements;

impl IpSets {
    pub(super) fn finish(&mut self, errors: &mut Vec<Diagnostic>) {
        for saved in self.sets.values_mut() {
            errors.extend(saved.take_apart().err());
        }
        let lists: Vec<String> = self
            .sets
            .iter()
            .filter(|(_, saved)| saved.members.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for list in lists {
            errors.extend(self.fill(&list).err());
        }
    }

    /// Gives a list the elements of its members, which must be of one kind.
    fn fill(&mut self, list: &str) -> Result<(), Diagnostic> {
        let members: Vec<Token> =
            self.sets.get(list).and_then(|saved| saved.members.clone()).unwrap_or_default();
        let sets = || members.iter().filter_map(|member| Some((member, self.sets.get(&member.text)?)));
        let Some((_, first)) = sets().next() else { return Ok(()) };
        let kind = |saved: &Saved| (saved.parts.clone(), saved.version, saved.mask.clone(), saved.timeout);
        let other = sets().find(|(_, saved)| kind(saved) != kind(first) || saved.members.is_some());
        let other = other.map(|(member, _)| member.clone());
        let mut elements = Elements::default();
        sets().for_each(|(_, saved)| elements.extend(&saved.elements));
        let (intervals, wide) =
            (sets().any(|(_, saved)| saved.intervals), sets().find_map(|(_, saved)| saved.wide));
        let (parts, version, mask, timeout) = kind(first);
        if let Some(saved) = self.sets.get_mut(list) {
            *saved = Saved { elements, intervals, wide, parts, version, mask, timeout, ..saved.clone() };
            saved.take_apart()?;
        }
        let Some(member) = other else { return Ok(()) };
        let message =
            format!("the set `{}` is of another kind than the first of the list `{list}`", member.text);
        let help =
            "sets of a list are of one kind, family, mask and timeout here; a rule for each says the same";
        Err(Diagnostic::new(member.span, message).help(help))
    }
}

impl Saved {
    /// Puts parts that do not overlap in place of networks that do, if that makes a difference.
    fn take_apart(&mut self) -> Result<(), Diagnostic> {
        let exceptions = take(&mut self.exceptions);
        let are_networks =
            matches!(self.parts[..], [Part::Address]) && (self.intervals || self.wide.is_some());
        if !are_networks || exceptions.is_empty() && self.timeout.is_none() {
            return Ok(());
        }
        let excepted = |number: usize| exceptions.contains(&number);
        let nets = self.elements.iter().enumerate();
        let mut nets: Vec<Net> =
            nets.filter_map(|(number, element)| Net::of(&element, !excepted(number))).collect();
        self.apart = true;
        if exceptions.is_empty() && !nested::overlap(&mut nets) {
            return Ok(());
        }
        let ends = |net: &Net| net.ends < u64::MAX;
        if !exceptions.is_empty()
            && (self.timeout.is_some_and(|default| default > 0) || nets.iter().any(ends))
        {
            let message = "exceptions (`nomatch`) in a set whose elements end are not supported";
            return Err(Diagnostic::new(self.span, message));
        }
        let Some(parts) = nested::apart(nets) else {
            let message = "ranges that overlap beside elements that end or are excepted are not supported";
            return Err(Diagnostic::new(self.span, message).help("write networks"));
        };
        let text = parts.iter().fold(String::new(), |mut text, part| {
            let comma = if text.is_empty() { "" } else { ", " };
            let address = |number| self.version.unwrap_or(Version::V4).address_text(number);
            let _ = write!(text, "{comma}{}-{}", address(part.low), address(part.high));
            if part.ends < u64::MAX {
                let _ = write!(text, " timeout {}s", part.ends / 1000);
            }
            text
        });
        self.elements = if text.is_empty() { Elements::default() } else { self.read_parts(&text)? };
        self.wide = Some(self.wide.unwrap_or(self.span));
        Ok(())
    }

    fn read_parts(&self, text: &str) -> Result<Elements, Diagnostic> {
        let mut read = nft::elements(text, self.span)?;
        let spans: Vec<Span> = vec![self.span; read.len()];
        read.move_each_to(spans);
        Ok(read)
    }
}
