//! Rulesets and settings: text in, checked policy out. Opens no file, knows no device.
#![forbid(unsafe_code)]

pub mod diagnostic;
mod field_names;
mod files;
pub mod iptables;
mod leave_out;
pub mod lint;
mod load;
mod lower;
mod nft;
mod places;
mod plain;
pub mod policy;
mod print;
mod reject_codes;
pub mod ruleset;
mod services;
pub mod settings;
mod suggestion;
mod value_names;

pub use diagnostic::{Diagnostic, Diagnostics, Source, Sources, Span};
pub use field_names::{field_name, value_text};
pub use files::{Files, NoFiles};
pub use leave_out::LeftOut;
pub use load::{At, Loaded, Objection, Options, load, load_for, load_with, parse, parse_with};
pub use lower::lower;
pub use plain::plain;
pub use policy::Policy;
pub use print::print;
pub use ruleset::Ruleset;
