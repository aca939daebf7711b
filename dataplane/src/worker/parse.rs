//! Where are the flows of a burst? Its headers are read, and all it will touch is asked for before it is touched.

use super::scratch::{Displaced, Scratch};
use super::{Observer, Worker};
use crate::eights::{EIGHT, Has};
use crate::flow::{FlowHash, FlowHasher, Sought, Table};
use crate::frame::Frame;
use crate::io::{Buffer, WireIo};
use crate::packet::abreast::{self, Eight};
use crate::packet::{self, Checksums, Packet, short};
use crate::pipeline::{Aimed, Keyed};
use crate::time::Tick;
use crate::track::Flow;

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// The stages that ask for memory, each for the whole burst before the next: what one has asked for arrives while it
    /// goes on with the others.
    pub(super) fn parse(&mut self) {
        self.parts.table.begin();
        let Scratch { burst, shorts, eights, bytes, packets, keyed, displaced, .. } = &mut self.scratch;
        let (checksums, hasher, table) = (self.parts.checksums, &self.parts.hasher, &self.parts.table);
        let opens_at = self.stores.then(|| self.clock.now());
        let stage = Stage { checksums, hasher, table, opens_at };
        let count = burst.len();
        if count > packets.len() {
            shorts.resize(count, Aimed::default());
            packets.resize(count, Packet::default());
            keyed.resize(count, Keyed::No);
        }
        eights.resize_with(if self.abreast.is_some() { count / EIGHT } else { 0 }, Eight::default);
        *bytes = stage.aim_all(self.abreast, burst, (eights, shorts), (packets, keyed));
        displaced.clear();
        stage.seek_all(eights, &mut shorts[..count], keyed, displaced);
        stage.reach(shorts, displaced);
    }
}

/// What packets are aimed at their flows with.
struct Stage<'a> {
    checksums: Checksums,
    hasher: &'a FlowHasher,
    table: &'a Table<Flow>,
    /// When packets may begin flows, if room for those is asked for ahead.
    opens_at: Option<Tick>,
}

impl Stage<'_> {
    /// Headers of eight frames, then hashes, and their buckets are asked for. Says how many bytes the frames have.
    #[inline(always)]
    fn aim_all<B: Buffer>(
        &self,
        abreast: Option<Has>,
        burst: &[B],
        (eights, shorts): (&mut [Eight], &mut [Aimed]),
        (packets, keyed): (&mut [Packet], &mut [Keyed]),
    ) -> u64 {
        let (mut bytes, count) = (0, burst.len());
        for start in (0..count).step_by(EIGHT) {
            let place = start..count.min(start + EIGHT);
            let (burst, shorts) = (&burst[place.clone()], &mut shorts[place.clone()]);
            let others = (&mut packets[place.clone()], &mut keyed[place]);
            let whole = (burst.first_chunk(), shorts.first_chunk_mut(), eights.get_mut(start / EIGHT));
            bytes += match (abreast, whole) {
                (Some(has), (Some(burst), Some(shorts), Some(eight))) => {
                    self.aim_eight((has, eight), burst, shorts, others)
                }
                _ => self.aim_each(burst, shorts, others),
            };
        }
        bytes
    }

    /// Looks for the flows in those buckets, and asks for their entries, or for other buckets.
    #[inline(always)]
    fn seek_all(
        &self,
        eights: &[Eight],
        shorts: &mut [Aimed],
        keyed: &[Keyed],
        displaced: &mut Vec<Displaced>,
    ) {
        for (number, aims) in shorts.chunks_mut(EIGHT).enumerate() {
            let (start, eight) = (number * EIGHT, eights.get(number).filter(|eight| eight.are_all_plain()));
            match (eight, aims.first_chunk_mut()) {
                (Some(eight), Some(aims)) => self.seek_eight(start, eight, aims, displaced),
                _ => {
                    for (at, aimed) in (start..).zip(aims) {
                        self.seek(at, aimed, &keyed[at], displaced);
                    }
                }
            }
        }
    }

    /// Looks for those that are not in their first bucket, and asks for their entries.
    #[inline(always)]
    fn reach(&self, shorts: &mut [Aimed], displaced: &[Displaced]) {
        for &(at, hash, opens_at) in displaced {
            shorts[at].sought = self.table.prefetch_displaced(hash, opens_at);
        }
    }

    /// Reads eight frames side by side, and those by themselves that are not as most are. Says how many bytes they have.
    #[inline(always)]
    fn aim_eight<B: Buffer>(
        &self,
        (has, eight): (Has, &mut Eight),
        burst: &[B; EIGHT],
        shorts: &mut [Aimed; EIGHT],
        (packets, keyed): (&mut [Packet], &mut [Keyed]),
    ) -> u64 {
        abreast::read(has, burst, self.checksums, eight);
        if eight.are_all_plain() {
            self.aim_plain(eight, shorts);
            return eight.bytes();
        }
        for (lane, aimed) in shorts.iter_mut().enumerate() {
            if eight.is_plain(lane) {
                aimed.turn_to(eight, lane, self.hasher);
                aimed.tell(eight, lane);
                self.prefetch(aimed);
            } else {
                *aimed = self.aim(burst[lane].frame(), &mut packets[lane], &mut keyed[lane]);
            }
        }
        eight.bytes()
    }

    /// Where the flows of eight frames are looked for, plain ones all. What was read of them is yet to be told.
    #[inline(never)]
    fn aim_plain(&self, eight: &Eight, aims: &mut [Aimed; EIGHT]) {
        let Self { hasher, table, opens_at, .. } = *self;
        for (lane, aimed) in aims.iter_mut().enumerate() {
            aimed.turn_to(eight, lane, hasher);
            table.prefetch(aimed.hash);
            if opens_at.is_some() && eight.has_syn(lane) {
                table.prefetch_room(aimed.hash);
            }
        }
    }

    /// Asks for the entries of these packets, from number `start` on, whose buckets have been asked for before.
    #[inline(never)]
    fn seek_eight(
        &self,
        start: usize,
        eight: &Eight,
        aims: &mut [Aimed; EIGHT],
        displaced: &mut Vec<Displaced>,
    ) {
        let Self { table, opens_at, .. } = *self;
        for (lane, aimed) in aims.iter_mut().enumerate() {
            let opens_at = || opens_at.filter(|_| eight.has_syn(lane));
            aimed.sought = table.seek(aimed.hash, opens_at);
            if matches!(aimed.sought, Sought::Away | Sought::Crowded) {
                displaced.push((start + lane, aimed.hash, opens_at()));
            }
        }
    }

    /// Reads frames one by one. Says how many bytes they have.
    #[inline(never)]
    fn aim_each<B: Buffer>(
        &self,
        burst: &[B],
        shorts: &mut [Aimed],
        (packets, keyed): (&mut [Packet], &mut [Keyed]),
    ) -> u64 {
        let mut bytes = 0;
        for ((buffer, aimed), (packet, keyed)) in burst.iter().zip(shorts).zip(packets.iter_mut().zip(keyed))
        {
            bytes += buffer.frame().length() as u64;
            *aimed = self.aim(buffer.frame(), packet, keyed);
        }
        bytes
    }

    /// Where the flow of any frame is looked for: what is returned is plain only if it is.
    #[inline(never)]
    fn aim<F: Frame + ?Sized>(&self, frame: &F, packet: &mut Packet, keyed: &mut Keyed) -> Aimed {
        let Self { checksums, hasher, table, .. } = *self;
        if let Some(short) = short::read(frame, checksums) {
            let aimed = Aimed::of(short, hasher);
            self.prefetch(&aimed);
            return aimed;
        }
        aim_other(frame, checksums, hasher, table, packet, keyed)
    }

    /// Asks for what is looked at first.
    #[inline(always)]
    fn prefetch(&self, aimed: &Aimed) {
        self.table.prefetch(aimed.hash);
        if self.opens_at.is_some() && aimed.short.may_open() {
            self.table.prefetch_room(aimed.hash);
        }
    }

    /// Asks for the entry of packet number `at`, whose bucket has been asked for before.
    #[inline(always)]
    fn seek(&self, at: usize, aimed: &mut Aimed, keyed: &Keyed, displaced: &mut Vec<Displaced>) {
        let Self { table, opens_at, .. } = *self;
        if aimed.is_plain() {
            let opens_at = opens_at.filter(|_| aimed.short.may_open());
            aimed.sought = table.seek(aimed.hash, || opens_at);
            match aimed.sought {
                Sought::Away | Sought::Crowded => displaced.push((at, aimed.hash, opens_at)),
                Sought::At(slot) if aimed.short.is_v6 => table.prefetch_more(slot),
                Sought::At(_) | Sought::Room(..) | Sought::Nowhere => {}
            }
        } else {
            let away =
                |&hash: &FlowHash| matches!(table.seek(hash, || opens_at), Sought::Away | Sought::Crowded);
            displaced.extend(keyed.hash().filter(away).map(|hash| (at, hash, opens_at)));
        }
    }
}

/// Where the flow of any frame but a plain one of IPv4 is looked for: what is returned is plain only if it is one of IPv6.
#[inline(never)]
fn aim_other<F: Frame + ?Sized>(
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
