//! What does the same traffic cost without a firewall? Received, its addresses swapped, sent.

use super::io::BenchIo;
use dpdk::Burst;

/// Forwards a burst as `macswap` does: reads and writes the first twelve bytes of each packet.
#[inline]
pub fn forward(io: &mut BenchIo, burst: &mut Burst) -> usize {
    let side = io.fill_apart(burst);
    for packet in burst.iter_mut() {
        if let Some((addresses, _)) = packet.first_segment_mut().split_first_chunk_mut::<12>() {
            let (to, from) = addresses.split_at_mut(6);
            to.swap_with_slice(from);
        }
    }
    let count = burst.len();
    io.send(side.opposite(), burst);
    count
}
