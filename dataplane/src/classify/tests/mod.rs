//! Do the compiled program and the plain interpreter agree, and does the interpreter know the kernel's traps?

mod agreement;
pub(crate) mod choices;
mod held;
mod joining;
pub(crate) mod random;
mod sample;
mod semantics;
mod stateful;
