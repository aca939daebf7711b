//! The tracker as its caller sees it.
