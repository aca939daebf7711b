//! How do workers reach DPDK? The data path's seam, implemented over queues and mbufs.

mod any;
mod captured;
mod end;
mod live;
mod packet;

pub use any::AnyIo;
pub use captured::CapturedIo;
pub use end::End;
pub use live::LiveIo;
pub use packet::PacketBuffer;
