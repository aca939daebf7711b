//! What must hold of every text, of every policy, of every conversation? The claims that the fuzz targets share.

pub mod conversation;
pub mod grammar;
pub mod memory;
pub mod policies;
pub mod texts;
pub mod wire;

/// Counts for [`memory::bounded`].
#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
