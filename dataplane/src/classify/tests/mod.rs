//! Do the compiled program and the plain interpreter agree, and does the interpreter know the kernel's traps?

mod agreement;
mod choices;
mod held;
mod random;
mod sample;
mod semantics;
mod stateful;
