//! Conversations, as a network engineer would tell them. What stands behind each colon is what Linux 6.18 says.

mod cells;
mod closing;
mod opening;
mod pickup;
mod properties;
mod reopening;
mod resets;
mod timeouts;
mod windows;
