//! What is the least that still shows a difference? Packets are dropped, then rules, as long as one remains.

use super::Trial;
use crate::capture::Record;
use crate::oracle::{Oracle, Ruleset};

/// A trial as small as it can be made in a bounded number of attempts, in which both still differ about a packet.
#[must_use]
pub fn shrink(oracle: &mut Oracle, trial: &Trial) -> Trial {
    let mut shrinking = Shrinking { oracle, attempts: ATTEMPTS };
    let mut trial = trial.clone();
    shrinking.behind(&mut trial);
    shrinking.packets(&mut trial);
    shrinking.rules(&mut trial);
    shrinking.behind(&mut trial);
    shrinking.packets(&mut trial);
    trial
}

struct Shrinking<'a> {
    oracle: &'a mut Oracle,
    attempts: usize,
}

impl Shrinking<'_> {
    /// Where both differ first, if they do; no answer when the attempts are used up.
    fn first(&mut self, trial: &Trial) -> Option<usize> {
        self.attempts = self.attempts.checked_sub(1)?;
        let judged = trial.judge(self.oracle).ok()?;
        Some(judged.differences(&trial.records).first()?.0)
    }

    /// Takes away what comes behind the first difference, unless that is one only because of what comes: a fragment waits
    /// for the others.
    fn behind(&mut self, trial: &mut Trial) {
        let Some(first) = self.first(trial) else { return };
        let records = trial.records[..=first].to_vec();
        let candidate = Trial { records, ..trial.clone() };
        if self.first(&candidate).is_some() {
            *trial = candidate;
        }
    }

    /// Takes away packets, ever smaller runs of them.
    fn packets(&mut self, trial: &mut Trial) {
        let mut size = trial.records.len() / 2;
        while size > 0 {
            let mut at = 0;
            while at < trial.records.len() {
                let (kept, end) = (trial.records.clone(), (at + size).min(trial.records.len()));
                let without: Vec<Record> = [&kept[..at], &kept[end..]].concat();
                let candidate = Trial { records: without, ..trial.clone() };
                if self.first(&candidate).is_some() {
                    *trial = candidate;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
    }

    /// Takes away rules and elements of sets: lines without which the ruleset still loads.
    fn rules(&mut self, trial: &mut Trial) {
        for number in 0..trial.rulesets.len() {
            let mut size = lines(&trial.rulesets[number]).len() / 2;
            while size > 0 {
                let mut at = 0;
                while at < lines(&trial.rulesets[number]).len() {
                    let all = lines(&trial.rulesets[number]);
                    let end = (at + size).min(all.len());
                    if let Some(candidate) = self.without(trial, number, &all, at..end) {
                        *trial = candidate;
                    } else {
                        at += size;
                    }
                }
                size /= 2;
            }
        }
    }

    /// The trial without these lines, if both still differ.
    fn without(
        &mut self,
        trial: &Trial,
        number: usize,
        all: &[String],
        out: std::ops::Range<usize>,
    ) -> Option<Trial> {
        let removable = |line: &String| !STRUCTURE.iter().any(|word| line.trim().starts_with(word));
        if !all[out.clone()].iter().any(removable) {
            return None;
        }
        let kept = all.iter().enumerate().filter(|(at, line)| !out.contains(at) || !removable(line));
        let text: String = kept.map(|(_, line)| format!("{line}\n")).collect();
        let mut candidate = trial.clone();
        candidate.rulesets[number] = match &trial.rulesets[number] {
            Ruleset::Nft(_) => Ruleset::Nft(text),
            Ruleset::Iptables(_) => Ruleset::Iptables(text),
            Ruleset::Ip6tables(_) => Ruleset::Ip6tables(text),
        };
        self.first(&candidate).map(|_| candidate)
    }
}

fn lines(ruleset: &Ruleset) -> Vec<String> {
    let (Ruleset::Nft(text) | Ruleset::Iptables(text) | Ruleset::Ip6tables(text)) = ruleset;
    text.lines().map(str::to_owned).collect()
}

/// Lines that hold the others up.
const STRUCTURE: [&str; 10] = ["table", "chain", "type", "}", "*", ":", "COMMIT", "#", "typeof", "flags"];

/// Each loads a ruleset into the kernel.
const ATTEMPTS: usize = 400;
