//! How are eight numbers handled at a time? Where the processor has AVX2, in one register.
//!
//! Whoever uses this keeps a twin that goes one by one, for other processors, and tests that hold the one to the other.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "AVX2 is there or not when the program starts, and loads and stores are by address"
    )
)]

/// How many.
pub const EIGHT: usize = 8;

/// Says that the processor has what is needed: no other than x86-64 does.
#[cfg(not(target_arch = "x86_64"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {}

#[cfg(not(target_arch = "x86_64"))]
impl Has {
    /// It has not.
    #[must_use]
    pub const fn detected() -> Option<Self> {
        None
    }
}

/// Says that the processor has what is needed.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Has(());

#[cfg(target_arch = "x86_64")]
impl Has {
    /// If it has.
    #[must_use]
    pub fn detected() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::{load, load_words, store, stored, transposed};

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::EIGHT;
    use std::arch::x86_64::{
        __m256i, _mm256_loadu_si256, _mm256_permute2x128_si256, _mm256_storeu_si256, _mm256_unpackhi_epi32,
        _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
    };

    /// These numbers.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(crate) fn load(from: &[u32; EIGHT]) -> __m256i {
        // SAFETY: 32 bytes are read where they lie; they need not be aligned.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    /// Numbers in the byte order of the machine.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(crate) fn load_words(from: &[u8; 4 * EIGHT]) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }

    /// Writes the numbers there.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(crate) fn store(numbers: __m256i, into: &mut [u32; EIGHT]) {
        // SAFETY: 32 bytes are written where they lie; they need not be aligned.
        unsafe { _mm256_storeu_si256(into.as_mut_ptr().cast(), numbers) }
    }

    /// The numbers.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(crate) fn stored(numbers: __m256i) -> [u32; EIGHT] {
        let mut into = [0; EIGHT];
        store(numbers, &mut into);
        into
    }

    /// Rows of eight words as columns.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(crate) fn transposed([a, b, c, d, e, f, g, h]: [__m256i; 8]) -> [__m256i; 8] {
        let low = |one, other| _mm256_unpacklo_epi32(one, other);
        let high = |one, other| _mm256_unpackhi_epi32(one, other);
        let lows = |one, other| _mm256_unpacklo_epi64(one, other);
        let highs = |one, other| _mm256_unpackhi_epi64(one, other);
        let left = |one, other| _mm256_permute2x128_si256::<0x20>(one, other);
        let right = |one, other| _mm256_permute2x128_si256::<0x31>(one, other);
        let (ab, cd, ef, gh) = (low(a, b), low(c, d), low(e, f), low(g, h));
        let (ab_high, cd_high, ef_high, gh_high) = (high(a, b), high(c, d), high(e, f), high(g, h));
        let (one, five) = (lows(ab, cd), lows(ef, gh));
        let (two, six) = (highs(ab, cd), highs(ef, gh));
        let (three, seven) = (lows(ab_high, cd_high), lows(ef_high, gh_high));
        let (four, eight) = (highs(ab_high, cd_high), highs(ef_high, gh_high));
        [
            left(one, five),
            left(two, six),
            left(three, seven),
            left(four, eight),
            right(one, five),
            right(two, six),
            right(three, seven),
            right(four, eight),
        ]
    }
}
