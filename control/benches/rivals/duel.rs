//! How are contenders compared? By turns, a fraction of a millisecond each, in one process: what disturbs the machine
//! disturbs them alike. Percentiles of many chunks: the tenth is the machine undisturbed, the median as found.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Cycles of one operation at two percentiles.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Cycles {
    /// The tenth.
    pub p10: f64,
    /// The median.
    pub p50: f64,
}

/// One side: does a chunk of work and says how many operations that was and how many cycles they took.
pub type Contender<'a> = Box<dyn FnMut() -> (u64, u64) + 'a>;

/// Lets the contenders take turns for this long, and as long as a tenth of it before.
pub fn duel(length: Duration, contenders: &mut [Contender<'_>]) -> Vec<Cycles> {
    turns(length / 10, contenders);
    turns(length, contenders).into_iter().map(percentiles).collect()
}

fn turns(length: Duration, contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let mut samples = vec![Vec::new(); contenders.len()];
    let started = Instant::now();
    while started.elapsed() < length {
        for (contender, samples) in contenders.iter_mut().zip(&mut samples) {
            let (operations, cycles) = contender();
            samples.push(cycles as f64 / operations.max(1) as f64);
        }
    }
    samples
}

fn percentiles(mut samples: Vec<f64>) -> Cycles {
    samples.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| samples[((samples.len() - 1) as f64 * part) as usize];
    Cycles { p10: at(0.1), p50: at(0.5) }
}

/// A generator of numbers that are the same in every run (xorshift64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}
