//! Rulesets and settings: text in, checked policy out.
