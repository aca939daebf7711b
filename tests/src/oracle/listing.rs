//! Which rule has this handle? Read from `nft -a list ruleset`, which ends each rule in `# handle N`.

use std::collections::HashMap;

use super::rewrite;
use super::trace::Event;

/// Position in its chain as the ruleset was written, and text, by family, table, chain and handle. The rules
/// that [`super::rewrite`] put in have position 0.
#[derive(Debug)]
pub(super) struct Listing {
    rules: HashMap<(String, String, String, u64), (usize, String)>,
}

impl Listing {
    pub(super) fn read(text: &str) -> Self {
        let mut rules = HashMap::new();
        let (mut family, mut table, mut chain) = (String::new(), String::new(), None::<String>);
        let (mut position, mut rule) = (0, String::new());
        for line in text.lines().map(str::trim) {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["table", its_family, its_name, "{", ..] => {
                    (family, table) = (its_family.to_owned(), its_name.to_owned());
                }
                ["chain", name, "{", ..] => (chain, position) = (Some(name.to_owned()), 1),
                ["type", "filter", ..] if chain.is_some() => {}
                ["}"] if rule.is_empty() => chain = None,
                _ => {
                    let Some(chain) = &chain else { continue };
                    rule += line;
                    let Some((text, handle)) = rule.rsplit_once(" # handle ") else { continue };
                    let Ok(handle) = handle.parse() else { continue };
                    let guard = rewrite::is_guard(text);
                    let place = if guard { 0 } else { position };
                    position += usize::from(!guard);
                    let key = (family.clone(), table.clone(), chain.clone(), handle);
                    rules.insert(key, (place, text.to_owned()));
                    rule.clear();
                }
            }
        }
        Self { rules }
    }

    /// Position and text of the rule an event is about, unless it is one of the oracle's own.
    pub(super) fn rule(&self, event: &Event) -> Option<(usize, &str)> {
        self.find(event).filter(|(position, _)| *position > 0)
    }

    /// The text of the rule an event is about.
    pub(super) fn text(&self, event: &Event) -> Option<&str> {
        self.find(event).map(|(_, text)| text)
    }

    fn find(&self, event: &Event) -> Option<(usize, &str)> {
        let key = (event.family.to_owned(), event.table.clone(), event.chain.clone(), event.handle);
        self.rules.get(&key).map(|(position, text)| (*position, text.as_str()))
    }
}
