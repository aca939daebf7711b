//! Which packets of a burst go on as their connections remember? Eight at a time where they can be, also where others lie
//! between them that seem to begin connections.

use super::Observer;
use crate::eights::{EIGHT, Has};
use crate::flow::Sought;
use crate::io::BURST;
use crate::packet::abreast::Eight;
use crate::pipeline::{Aimed, Context, Decided, From, Keyed, Tally, Ways};

/// A burst whose packets may all go on as their connections remember.
pub(super) struct Together<'a> {
    pub(super) keyed: &'a [Keyed],
    pub(super) eights: &'a [Eight],
    /// Whether packets that were read side by side may also be decided upon so.
    pub(super) abreast: Option<Has>,
    pub(super) ways: &'a Ways,
    pub(super) from: From,
}

impl Together<'_> {
    /// How many packets, from the first on, are decided upon by what their connections remember of the rules: plain ones, of
    /// which it is said whether they are this worker's, and whether they stay here at all. What was read of those it
    /// stops at is told.
    #[inline(never)]
    pub(super) fn go_on<O: Observer>(
        &self,
        shorts: &mut [Aimed],
        context: &mut Context<'_>,
        (is_here, stays): (impl Fn(&Aimed) -> bool, impl Fn(&Aimed) -> bool),
        tally: &mut Tally,
        observer: &mut O,
    ) -> usize {
        let mut so_far = *tally;
        let mut next = 0;
        while next < shorts.len() {
            let end = shorts.len().min(next + EIGHT);
            let (aims, keyed) = (&mut shorts[next..end], &self.keyed[next..end]);
            let eight = self.eights.get(next / EIGHT).filter(|eight| eight.are_all_plain());
            if let Some((eight, aims)) = eight.zip(aims.first_chunk_mut()) {
                let go_on = self.abreast.is_some_and(|has| {
                    aims.iter().all(&is_here)
                        && context.go_on_abreast(has, eight, aims, self.ways, self.from, &mut so_far)
                });
                if O::WATCHES || !go_on {
                    tell(eight, aims);
                }
                if go_on {
                    if O::WATCHES
                        && let Some(decided) = self.ways.decided(&so_far)
                    {
                        let each = aims.iter().zip(keyed);
                        each.for_each(|(aimed, keyed)| observer.decided(&aimed.packet(keyed), decided));
                    }
                    next = end;
                    continue;
                }
                if aims.iter().any(|aimed| !matches!(aimed.sought, Sought::At(_))) {
                    // others lie between those that go on
                    break;
                }
            }
            next += self.go_on_one_by_one(aims, keyed, context, &stays, &mut so_far, observer);
            if next < end {
                break;
            }
        }
        *tally = so_far;
        next
    }

    /// Decides eight at a time upon packets of a burst whose connections seem to stand, though others lie between them that
    /// seem to begin connections: those are of other flows. It stops where one does not go on, as the next may be of the
    /// same flow.
    #[inline(never)]
    pub(super) fn go_on_apart<O: Observer>(
        &self,
        shorts: &mut [Aimed],
        context: &mut Context<'_>,
        apart: &mut Apart,
        tally: &mut Tally,
    ) {
        let Some(has) = self.abreast else { return };
        let mut left = apart.stand;
        while left != 0 {
            let ((numbers, count), rest) = lowest_eight(left);
            let goes_on = count == EIGHT && {
                let aims = numbers.map(|number| &shorts[number]);
                let read =
                    Eight::gathered(numbers.map(|number| (&self.eights[number / EIGHT], number % EIGHT)));
                context.go_on_abreast(has, &read, &aims, self.ways, self.from, tally)
            };
            for &number in &numbers[..count] {
                if !goes_on {
                    self.tell(&mut shorts[number], number);
                    if !context.goes_on(&shorts[number], &self.keyed[number], self.ways, self.from, tally) {
                        return;
                    }
                }
                apart.went |= bit(number);
                apart.note::<O>(number, self.ways.decided(tally));
            }
            left = rest;
        }
    }

    /// The packets from number `from` on, a bit for each, whose connections seem to stand, where that can be seen without
    /// being told what was read of them: they may be decided upon eight at a time.
    #[inline(always)]
    pub(super) fn may_stand(&self, shorts: &[Aimed], from: usize, is_here: impl Fn(&Aimed) -> bool) -> u64 {
        if self.abreast.is_none() {
            return 0;
        }
        let mut stand = 0;
        for (number, aimed) in
            shorts.iter().enumerate().take(self.eights.len() * EIGHT).take(BURST).skip(from)
        {
            let seems = matches!(aimed.sought, Sought::At(_))
                && self.eights[number / EIGHT].goes_on(number % EIGHT)
                && is_here(aimed);
            stand |= bit(number) * u64::from(seems);
        }
        stand
    }

    /// Tells what was read of a packet, where it was not told yet.
    #[inline(always)]
    pub(super) fn tell(&self, aimed: &mut Aimed, number: usize) {
        if let Some(eight) = self.eights.get(number / EIGHT).filter(|eight| eight.are_all_plain()) {
            aimed.tell(eight, number % EIGHT);
        }
    }

    #[inline(never)]
    fn go_on_one_by_one<O: Observer>(
        &self,
        aims: &[Aimed],
        keyed: &[Keyed],
        context: &mut Context<'_>,
        stays: impl Fn(&Aimed) -> bool,
        tally: &mut Tally,
        observer: &mut O,
    ) -> usize {
        let mut gone_on = 0;
        for (aimed, keyed) in aims.iter().zip(keyed) {
            let goes_on = aimed.is_plain()
                && stays(aimed)
                && context.goes_on(aimed, keyed, self.ways, self.from, tally);
            if !goes_on {
                break;
            }
            if O::WATCHES
                && let Some(decided) = self.ways.decided(tally)
            {
                observer.decided(&aimed.packet(keyed), decided);
            }
            gone_on += 1;
        }
        gone_on
    }
}

/// Packets of a burst that are decided upon before others that came before them, of other flows: a bit for each.
#[derive(Default)]
pub(super) struct Apart {
    /// Those whose connections seem to stand.
    pub(super) stand: u64,
    /// Those that pass.
    pub(super) went: u64,
    /// Those that do not.
    pub(super) refused: u64,
    /// What was decided, for who watches.
    pub(super) noted: Vec<(usize, Decided)>,
}

impl Apart {
    #[inline(always)]
    pub(super) fn note<O: Observer>(&mut self, number: usize, decided: Option<&Decided>) {
        if O::WATCHES {
            self.noted.extend(decided.map(|&decided| (number, decided)));
        }
    }

    pub(super) fn noted(&self, number: usize) -> Option<&Decided> {
        self.noted.iter().find(|(of, _)| *of == number).map(|(_, decided)| decided)
    }
}

/// The numbers of the lowest eight bits that are set, and how many there are; and the other bits.
fn lowest_eight(mut bits: u64) -> (([usize; EIGHT], usize), u64) {
    let (mut numbers, mut count) = ([0; EIGHT], 0);
    for number in &mut numbers {
        if bits != 0 {
            *number = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            count += 1;
        }
    }
    ((numbers, count), bits)
}

/// Tells what was read of eight packets.
fn tell(eight: &Eight, aims: &mut [Aimed; EIGHT]) {
    for (lane, aimed) in aims.iter_mut().enumerate() {
        aimed.tell(eight, lane);
    }
}

/// The bit of packet number `number`, if there is one.
pub(super) const fn bit(number: usize) -> u64 {
    if number < BURST { 1 << number } else { 0 }
}

/// Whether the bit of a packet is set.
pub(super) const fn has(bits: u64, number: usize) -> bool {
    bits & bit(number) != 0
}

/// The numbers of the bits that are set.
pub(super) fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let number = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (number < BURST).then_some(number)
    })
}
