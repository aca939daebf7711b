//! Where are the flows of a burst? Its headers are read, and all it will touch is asked for before it is touched.

use super::scratch::Scratch;
use super::{Observer, Worker};
use crate::flow::{FlowHash, Sought};
use crate::frame::Frame;
use crate::io::{Buffer, WireIo};
use crate::packet::{self, Packet, short};
use crate::pipeline::{Aimed, Keyed};

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// The stages that ask for memory: headers of the whole burst, then hashes and their buckets, then entries.
    /// Says how many bytes there are.
    pub(super) fn parse(&mut self) -> u64 {
        let Scratch { burst, shorts, packets, keyed, displaced, .. } = &mut self.scratch;
        let (checksums, hasher, table) = (self.parts.checksums, &self.parts.hasher, &self.parts.table);
        let opens_at = self.stores.then(|| self.clock.now());
        let mut bytes = 0;
        shorts.clear();
        packets.resize(burst.len().max(packets.len()), Packet::default());
        keyed.resize(packets.len(), Keyed::No);
        for (buffer, (packet, keyed)) in burst.iter().zip(packets.iter_mut().zip(keyed.iter_mut())) {
            let frame = buffer.frame();
            bytes += frame.length() as u64;
            if let Some(short) = short::read(frame, checksums) {
                let aimed = Aimed::of(short, hasher);
                table.prefetch(aimed.hash);
                shorts.push(Some(aimed));
                continue;
            }
            let hash;
            if let Some((short, ends)) = short::read_v6(frame, checksums) {
                let (aimed, found) = Aimed::of_v6(short, ends, hasher);
                hash = Some(aimed.hash);
                *keyed = found;
                shorts.push(Some(aimed));
            } else {
                *packet = packet::parse_with(frame, checksums);
                *keyed = Keyed::of(packet, frame, hasher);
                hash = keyed.hash();
                shorts.push(None);
            }
            if let Some(hash) = hash {
                table.prefetch(hash);
            }
        }
        displaced.clear();
        for (at, (short, keyed)) in (0..).zip(shorts.iter_mut().zip(keyed.iter())) {
            match short {
                Some(aimed) => {
                    let opens_at = opens_at.filter(|_| aimed.short.may_open());
                    aimed.sought = table.seek(aimed.hash, opens_at);
                    match aimed.sought {
                        Sought::Away | Sought::Crowded => displaced.push((at, aimed.hash, opens_at)),
                        Sought::At(slot) if aimed.short.is_v6 => table.prefetch_more(slot),
                        Sought::At(_) | Sought::Room(_) | Sought::Nowhere => {}
                    }
                }
                None => {
                    let away = |&hash: &FlowHash| {
                        matches!(table.seek(hash, opens_at), Sought::Away | Sought::Crowded)
                    };
                    displaced.extend(keyed.hash().filter(away).map(|hash| (at, hash, opens_at)));
                }
            }
        }
        for &(at, hash, opens_at) in displaced.iter() {
            if let Some(room) = table.prefetch_displaced(hash, opens_at)
                && let Some(Some(aimed)) = shorts.get_mut(at)
            {
                aimed.sought = room;
            }
        }
        bytes
    }
}
