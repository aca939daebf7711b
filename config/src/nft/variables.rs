//! What do `define`d names hold, and where are they known?

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::ruleset::{Expression, Term};
use crate::suggestion::did_you_mean;

/// The variables of every block around the place being read.
#[derive(Debug)]
pub(super) struct Variables {
    /// The innermost block last; the outermost is the file.
    scopes: Vec<HashMap<String, Variable>>,
    /// How many values variables may still stand for.
    budget: usize,
}

#[derive(Debug)]
struct Variable {
    value: Expression,
    /// How deep the value is at most.
    weight: u32,
    /// How many values it is made of.
    size: usize,
}

impl Default for Variables {
    fn default() -> Self {
        Self { scopes: vec![HashMap::new()], budget: MOST_EXPANDED }
    }
}

impl Variables {
    /// Enters a block.
    pub(super) fn open(&mut self) {
        self.scopes.push(HashMap::new());
    }

    /// Leaves a block: what was defined in it is forgotten.
    pub(super) fn close(&mut self) {
        if self.scopes.len() > 1 {
            self.scopes.pop();
        }
    }

    /// Whether this very block defines `name`.
    pub(super) fn is_defined_here(&self, name: &str) -> bool {
        self.scopes.last().is_some_and(|scope| scope.contains_key(name))
    }

    /// Defines `name` in this block.
    pub(super) fn define(&mut self, name: &str, value: Expression, weight: u32) {
        let size = size(&value);
        let variable = Variable { value, weight, size };
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.to_owned(), variable);
        }
    }

    /// Forgets `name`; whether this block defined it.
    pub(super) fn undefine(&mut self, name: &str) -> bool {
        self.scopes.last_mut().is_some_and(|scope| scope.remove(name).is_some())
    }

    /// What `name` holds, and how deep it is at most.
    pub(super) fn expand(&mut self, name: &str, span: Span) -> Result<(Expression, u32), Diagnostic> {
        let mut scopes = self.scopes.iter().rev();
        let Some(found) = scopes.find_map(|scope| scope.get(name)) else {
            let known = self.scopes.iter().flat_map(HashMap::keys).map(String::as_str);
            let mut complaint = Diagnostic::new(span, format!("variable `{name}` is not defined"));
            complaint.help = did_you_mean(name, known);
            return Err(complaint);
        };
        if found.size > self.budget {
            let message = format!("variables stand for more than {MOST_EXPANDED} values");
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

const MOST_EXPANDED: usize = 8_000_000;
