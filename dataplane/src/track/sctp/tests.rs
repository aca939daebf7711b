//! Associations.
