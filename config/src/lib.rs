//! Rulesets and settings: text in, checked policy out. Opens no file, knows no device.

pub mod policy;

pub use policy::Policy;
