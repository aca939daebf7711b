//! What do many short measurements say? Percentiles: the tenth is the machine undisturbed, the median as found.

use super::shard::Samples;
use serde::Serialize;

/// A figure at two percentiles.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Pair {
    /// The tenth percentile.
    pub p10: f64,
    /// The median.
    pub p50: f64,
}

impl Pair {
    /// The percentiles of these samples; not a number if there are none.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| {
            sorted.get(((sorted.len().saturating_sub(1)) as f64 * part) as usize).copied().unwrap_or(f64::NAN)
        };
        Self { p10: at(0.1), p50: at(0.5) }
    }

    /// Percentile by percentile.
    pub fn with(self, other: Self, by: impl Fn(f64, f64) -> f64) -> Self {
        Self { p10: by(self.p10, other.p10), p50: by(self.p50, other.p50) }
    }
}

/// What was measured, over all workers.
#[derive(Debug)]
pub struct Measured {
    /// Cycles per packet of the firewall.
    pub cycles: Pair,
    /// Of the floor.
    pub floor: Pair,
    /// Packets a second of all workers together.
    pub packets_per_second: Pair,
    /// New flows a second of all workers together, in the firewall's own time.
    pub new_flows_per_second: f64,
    /// Part of the time that the threads had a CPU, of the one that had the least.
    pub share: f64,
    /// What each part of the mix costs, if there are several.
    pub parts: Vec<Part>,
    /// Packets of connections that stand and were not sent on, of how many, where others are mixed with them.
    pub lost: Option<(u64, u64)>,
}

/// What packets of one part of a mix cost.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Without the others.
    pub alone: Pair,
    /// With them, if all that the mix costs beyond what its parts cost alone is laid on these packets.
    pub mixed: Pair,
}

impl Measured {
    /// The workers' samples put together; `rate` is the TSC's.
    pub fn of(workers: &[Samples], rate: f64) -> Self {
        let all =
            |of: fn(&Samples) -> &Vec<f64>| -> Vec<f64> { workers.iter().flat_map(of).copied().collect() };
        let cycles = Pair::of(&all(|samples| &samples.sluice));
        let each = workers.iter().map(|samples| Pair::of(&samples.sluice));
        let packets_per_second = each
            .fold(Pair { p10: 0.0, p50: 0.0 }, |sum, one| sum.with(one, |sum, cycles| sum + rate / cycles));
        let new_flows = workers
            .iter()
            .map(|samples| samples.created as f64 * rate / (samples.cycles.max(1) as f64))
            .sum();
        let numbers = 0..workers.first().map_or(0, |samples| samples.alone.len());
        let alone: Vec<Pair> = numbers
            .map(|number| {
                let of_part = workers.iter().flat_map(|samples| samples.alone.get(number)).flatten();
                Pair::of(&of_part.copied().collect::<Vec<_>>())
            })
            .collect();
        let (none, count) = (Pair { p10: 0.0, p50: 0.0 }, alone.len() as f64);
        let together = alone.iter().fold(none, |sum, &one| sum.with(one, |sum, one| sum + one));
        let parts = alone
            .iter()
            .map(|&alone| {
                let others = together.with(alone, |together, alone| together - alone);
                let mixed = cycles.with(others, |mix, others| mix * count - others);
                Part { alone, mixed }
            })
            .collect();
        let sum = |of: fn(&Samples) -> u64| workers.iter().map(of).sum::<u64>();
        let of_connections = sum(|samples| samples.of_connections);
        let lost = (of_connections > 0).then(|| (sum(|samples| samples.lost), of_connections));
        let share = workers.iter().map(|samples| samples.share).fold(f64::INFINITY, f64::min);
        Self {
            cycles,
            floor: Pair::of(&all(|samples| &samples.floor)),
            packets_per_second,
            new_flows_per_second: new_flows,
            share,
            parts,
            lost,
        }
    }

    /// The firewall's cycles to the floor's.
    pub fn ratio(&self) -> Pair {
        self.cycles.with(self.floor, |cycles, floor| cycles / floor)
    }
}

#[cfg(test)]
mod tests {
    use super::Pair;

    #[test]
    fn percentiles_of_samples_in_any_order() {
        let samples: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        let pair = Pair::of(&samples);
        assert_eq!((pair.p10, pair.p50), (10.0, 50.0));
        assert!(Pair::of(&[]).p50.is_nan());
    }
}
