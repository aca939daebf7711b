//! What do `define`d names hold, and where are they known?

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::ruleset::{Expression, Spanned, Term};
use crate::suggestion::did_you_mean;

/// The variables of every block around the place being read.
#[derive(Debug)]
pub(super) struct Variables {
    /// The innermost block last; the outermost is the file.
    scopes: Vec<HashMap<String, Variable>>,
    /// How many values variables may still stand for.
    budget: usize,
    /// Those that nobody asked for, of blocks left.
    unused: Vec<Spanned<String>>,
}

#[derive(Debug)]
struct Variable {
    value: Expression,
    /// How deep the value is at most.
    weight: u32,
    /// How many values it is made of.
    size: usize,
    /// Where it was named.
    span: Span,
    /// Whether anybody asked for it.
    used: bool,
}

impl Default for Variables {
    fn default() -> Self {
        Self { scopes: vec![HashMap::new()], budget: EXPANDED_AT_ALL, unused: Vec::new() }
    }
}

impl Variables {
    /// Lets variables stand for so many values more, as a text of so many bytes is read.
    pub(super) fn grant(&mut self, bytes: usize) {
        self.budget = self.budget.saturating_add(bytes);
    }

    /// Enters a block.
    pub(super) fn open(&mut self) {
        self.scopes.push(HashMap::new());
    }

    /// Leaves a block: what was defined in it is forgotten.
    pub(super) fn close(&mut self) {
        if self.scopes.len() > 1 {
            self.forget();
        }
    }

    fn forget(&mut self) {
        let left = self.scopes.pop().into_iter().flatten().filter(|(_, variable)| !variable.used);
        self.unused.extend(left.map(|(name, variable)| Spanned::new(name, variable.span)));
    }

    /// At the end: those that nobody asked for, and where they are named.
    pub(super) fn unused(mut self) -> Vec<Spanned<String>> {
        while !self.scopes.is_empty() {
            self.forget();
        }
        self.unused
    }

    /// Whether this very block defines `name`.
    pub(super) fn is_defined_here(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.contains_key(name))
    }

    /// Defines `name` in this block.
    pub(super) fn define(&mut self, name: &str, span: Span, value: Expression, weight: u32) {
        let size = size(&value);
        if let Some(scope) = self.scopes.last_mut() {
            // What is given another value was wanted under its name.
            let used = scope.contains_key(name);
            scope.insert(name.to_owned(), Variable { value, weight, size, span, used });
        }
    }

    /// Forgets `name`, if this block defined it.
    pub(super) fn undefine(&mut self, name: &str) {
        self.scopes.last_mut().and_then(|scope| scope.remove(name));
    }

    /// What `name` holds, and how deep it is at most.
    pub(super) fn expand(&mut self, name: &str, span: Span) -> Result<(Expression, u32), Diagnostic> {
        let at = self.scopes.iter().rposition(|scope| scope.contains_key(name));
        let Some(found) = at.and_then(|at| self.scopes[at].get_mut(name)) else {
            let known = self.scopes.iter().flat_map(HashMap::keys).map(String::as_str);
            let mut complaint = Diagnostic::new(span, format!("variable `{name}` is not defined"));
            complaint.help = did_you_mean(name, known);
            return Err(complaint);
        };
        found.used = true;
        if found.size > self.budget {
            let message =
                "variables stand for too many values: more than a million, and one for each byte of text";
            return Err(Diagnostic::new(span, message));
        }
        self.budget -= found.size;
        Ok((found.value.clone(), found.weight))
    }
}

/// How many values an expression is made of, about.
fn size(value: &Expression) -> usize {
    match &value.term {
        Term::Set(elements) => elements.iter().map(|e| size(&e.key)).sum::<usize>() + 1,
        Term::List(parts) | Term::Concat(parts) => parts.iter().map(size).sum(),
        Term::Range(both) | Term::Binary(_, both) => size(&both.0) + size(&both.1),
        _ => 1,
    }
}

/// Values that variables may stand for in any text.
const EXPANDED_AT_ALL: usize = 1_000_000;
