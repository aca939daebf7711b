//! What did tcpdump write? Captures read frame by frame, turned into Ethernet on the way in, and written.

mod link;
mod reader;
mod writer;

pub use reader::{Capture, Captured};
pub use writer::Writer;
