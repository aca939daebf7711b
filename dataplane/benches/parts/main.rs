//! What does each part of the data path cost, alone? `cargo bench --package dataplane --bench parts [-- FILTER]`;
//! criterion compares with the run before. What they cost beside others of their kind says `make bench-rivals`.

mod classifier;
mod frames;
mod parser;
mod table;
mod tracker;

use criterion::{criterion_group, criterion_main};

criterion_group!(parts, parser::bench, table::bench, tracker::bench, classifier::bench);
criterion_main!(parts);
