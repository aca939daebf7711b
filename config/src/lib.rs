//! Rulesets and settings: text in, checked policy out. Opens no file, knows no device.
#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod policy;
pub mod ruleset;
pub mod settings;

pub use diagnostic::{Diagnostic, Diagnostics, Source, Sources, Span};
pub use policy::Policy;
pub use ruleset::Ruleset;
