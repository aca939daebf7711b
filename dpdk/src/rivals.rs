//! What does Sluice compare itself with? DPDK's hash table and its packet classifier, as a program in C would use them.
//!
//! For benches only: nothing here is part of the firewall.

use std::ffi::{CString, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use dpdk_sys as sys;

use crate::runtime::Runtime;
use crate::{Eal, Error};

/// Lookups in one call.
pub const BULK: usize = 32;

/// `rte_hash` with keys of 16 bytes and a word of data for each, CRC as its hash.
#[derive(Debug)]
pub struct Hash {
    hash: NonNull<sys::rte_hash>,
    _runtime: Arc<Runtime>,
}

impl Hash {
    /// An empty table with room for `entries`.
    ///
    /// # Errors
    /// [`Error::Call`] where there is no memory for it.
    pub fn create(eal: &Eal, name: &str, entries: u32) -> Result<Self, Error> {
        let name = c_name(name)?;
        let parameters = sys::rte_hash_parameters {
            name: name.as_ptr(),
            entries,
            key_len: 16,
            socket_id: sys::SOCKET_ID_ANY,
            ..Default::default()
        };
        // SAFETY: EAL runs; the name is copied.
        let hash = NonNull::new(unsafe { sys::rte_hash_create(&raw const parameters) });
        let hash = hash.ok_or_else(|| Error::last("rte_hash_create", &name.to_string_lossy()))?;
        Ok(Self { hash, _runtime: Arc::clone(eal.runtime()) })
    }

    /// Adds a key; `false` where there is no room.
    pub fn add(&mut self, key: &[u8; 16], data: usize) -> bool {
        // SAFETY: the table lives and copies the key; the data is a number to it.
        unsafe {
            sys::rte_hash_add_key_data(self.hash.as_ptr(), key.as_ptr().cast(), data as *mut c_void) == 0
        }
    }

    /// Looks up a burst, of at most 64: a bit for each key that is there, and its data.
    #[inline]
    pub fn look_up<const N: usize>(&self, keys: &[[u8; 16]; N], data: &mut [usize; N]) -> u64 {
        const { assert!(N <= u64::BITS as usize, "one call looks up no more") };
        let mut pointers: [*const c_void; N] = keys.each_ref().map(|key| key.as_ptr().cast());
        let mut hits = 0;
        // SAFETY: as many pointers to keys, and places for data of a pointer's size, as is said.
        unsafe {
            sys::rte_hash_lookup_bulk_data(
                self.hash.as_ptr(),
                pointers.as_mut_ptr(),
                N as u32,
                &raw mut hits,
                data.as_mut_ptr().cast(),
            );
        }
        hits
    }
}

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: it is ours, and used nowhere else.
        unsafe { sys::rte_hash_free(self.hash.as_ptr()) };
    }
}

/// A rule of [`Acl`]: IPv4 prefixes, address and bits, ranges of L4 ports with both ends, a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclRule {
    /// Source prefix.
    pub source: (u32, u32),
    /// Destination prefix.
    pub destination: (u32, u32),
    /// Source ports.
    pub source_ports: [u16; 2],
    /// Destination ports.
    pub destination_ports: [u16; 2],
    /// Protocol.
    pub protocol: u8,
}

/// What [`Acl`] looks at: protocol, three bytes of padding, addresses and ports in network order.
pub type AclHeader = [u8; 16];

/// `rte_acl` with the fastest algorithm that the machine, and EAL's `--force-max-simd-bitwidth`, let it use.
#[derive(Debug)]
pub struct Acl {
    acl: NonNull<sys::rte_acl_ctx>,
    /// The algorithm's name.
    pub algorithm: &'static str,
    _runtime: Arc<Runtime>,
}

impl Acl {
    /// Builds a classifier whose first matching rule wins.
    ///
    /// # Errors
    /// [`Error::Call`] where it cannot be built.
    pub fn build(eal: &Eal, name: &str, rules: &[AclRule]) -> Result<Self, Error> {
        let name = c_name(name)?;
        let rules: Vec<sys::dpdk_sys_acl_rule> = rules
            .iter()
            .map(|rule| sys::dpdk_sys_acl_rule {
                source: rule.source.0,
                source_bits: rule.source.1,
                destination: rule.destination.0,
                destination_bits: rule.destination.1,
                source_ports: rule.source_ports,
                destination_ports: rule.destination_ports,
                protocol: rule.protocol,
                protocol_mask: 0xff,
            })
            .collect();
        // SAFETY: EAL runs; as many rules as is said, which are copied.
        let acl = unsafe { sys::dpdk_sys_acl_create(name.as_ptr(), rules.as_ptr(), rules.len() as u32) };
        let acl = NonNull::new(acl).ok_or_else(|| Error::last("rte_acl_build", &name.to_string_lossy()))?;
        use sys::rte_acl_classify_alg as algorithms;
        let fastest = [
            ("AVX512x32", algorithms::RTE_ACL_CLASSIFY_AVX512X32),
            ("AVX512x16", algorithms::RTE_ACL_CLASSIFY_AVX512X16),
            ("AVX2", algorithms::RTE_ACL_CLASSIFY_AVX2),
            ("SSE", algorithms::RTE_ACL_CLASSIFY_SSE),
        ];
        let supported = fastest
            .into_iter()
            // SAFETY: the classifier lives; an algorithm that is not to be had is refused.
            .find(|&(_, algorithm)| unsafe { sys::rte_acl_set_ctx_classify(acl.as_ptr(), algorithm) } == 0);
        let algorithm = supported.map_or("scalar", |(name, _)| name);
        Ok(Self { acl, algorithm, _runtime: Arc::clone(eal.runtime()) })
    }

    /// For each header 1 + the number of the first rule that matches, or 0.
    #[inline]
    pub fn classify(&self, headers: &[AclHeader; BULK], rules: &mut [u32; BULK]) {
        let mut pointers = headers.each_ref().map(|header| header.as_ptr());
        // SAFETY: as many headers and places for results, of one category, as is said; a header has all the bytes that
        // the fields lie in.
        unsafe {
            sys::rte_acl_classify(
                self.acl.as_ptr(),
                pointers.as_mut_ptr(),
                rules.as_mut_ptr(),
                BULK as u32,
                1,
            );
        }
    }
}

impl Drop for Acl {
    fn drop(&mut self) {
        // SAFETY: it is ours, and used nowhere else.
        unsafe { sys::rte_acl_free(self.acl.as_ptr()) };
    }
}

/// Bytes taken from EAL's heap: what tables of DPDK lie in.
#[must_use]
pub fn heap_bytes(_: &Eal) -> usize {
    // SAFETY: EAL runs.
    unsafe { sys::dpdk_sys_heap_bytes() }
}

fn c_name(name: &str) -> Result<CString, Error> {
    CString::new(name)
        .map_err(|_| Error::InvalidArgument { argument: name.to_owned(), reason: "holds a NUL character" })
}
