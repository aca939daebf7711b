//! Where are the flows of a burst? Its headers are read, and all it will touch is asked for before it is touched.

use super::scratch::Scratch;
use super::{Observer, Worker};
use crate::flow::{FlowHash, FlowHasher, Sought, Table};
use crate::frame::Frame;
use crate::io::{Buffer, WireIo};
use crate::packet::{self, Checksums, Packet, short};
use crate::pipeline::{Aimed, Keyed};
use crate::track::Flow;

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// The stages that ask for memory: headers of the whole burst, then hashes and their buckets and, some packets later,
    /// entries.
    pub(super) fn parse(&mut self) {
        self.parts.table.begin();
        let Scratch { burst, shorts, bytes, packets, keyed, displaced, .. } = &mut self.scratch;
        let (checksums, hasher, table) = (self.parts.checksums, &self.parts.hasher, &self.parts.table);
        let opens_at = self.stores.then(|| self.clock.now());
        *bytes = 0;
        let count = burst.len();
        if count > packets.len() {
            shorts.resize(count, Aimed::default());
            packets.resize(count, Packet::default());
            keyed.resize(count, Keyed::No);
        }
        let (shorts, packets, keyed) = (&mut shorts[..count], &mut packets[..count], &mut keyed[..count]);
        displaced.clear();
        for next in 0..count + DISTANCE {
            if let Some(buffer) = burst.get(next) {
                let frame = buffer.frame();
                *bytes += frame.length() as u64;
                let aimed = &mut shorts[next];
                if let Some(short) = short::read(frame, checksums) {
                    *aimed = Aimed::of(short, hasher);
                    table.prefetch(aimed.hash);
                    if opens_at.is_some() && short.may_open() {
                        table.prefetch_room(aimed.hash);
                    }
                } else {
                    *aimed = aim(frame, checksums, hasher, table, &mut packets[next], &mut keyed[next]);
                }
            }
            let Some(at) = next.checked_sub(DISTANCE) else { continue };
            let aimed = &mut shorts[at];
            if aimed.is_plain() {
                let opens_at = opens_at.filter(|_| aimed.short.may_open());
                aimed.sought = table.seek(aimed.hash, opens_at);
                match aimed.sought {
                    Sought::Away | Sought::Crowded => displaced.push((at, aimed.hash, opens_at)),
                    Sought::At(slot) if aimed.short.is_v6 => table.prefetch_more(slot),
                    Sought::At(_) | Sought::Room(..) | Sought::Nowhere => {}
                }
            } else {
                let away =
                    |&hash: &FlowHash| matches!(table.seek(hash, opens_at), Sought::Away | Sought::Crowded);
                displaced.extend(keyed[at].hash().filter(away).map(|hash| (at, hash, opens_at)));
            }
        }
        for &(at, hash, opens_at) in displaced.iter() {
            if let Some(sought) = table.prefetch_displaced(hash, opens_at) {
                shorts[at].sought = sought;
            }
        }
    }
}

/// Where the flow of any frame but a plain one of IPv4 is looked for: what is returned is plain only if it is one of IPv6.
#[inline(never)]
fn aim<F: Frame + ?Sized>(
    frame: &F,
    checksums: Checksums,
    hasher: &FlowHasher,
    table: &Table<Flow>,
    packet: &mut Packet,
    keyed: &mut Keyed,
) -> Aimed {
    let aimed = if let Some((short, ends)) = short::read_v6(frame, checksums) {
        let aimed;
        (aimed, *keyed) = Aimed::of_v6(short, ends, hasher);
        aimed
    } else {
        *packet = packet::parse_with(frame, checksums);
        *keyed = Keyed::of(packet, frame, hasher);
        Aimed::default()
    };
    if let Some(hash) = keyed.hash() {
        table.prefetch(hash);
    }
    aimed
}

/// So many packets after its bucket was asked for, the entry of a flow is.
const DISTANCE: usize = 16;
