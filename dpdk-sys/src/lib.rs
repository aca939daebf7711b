//! Raw bindings to the parts of DPDK that Sluice uses.
//!
//! Generated at build time from the headers of the installed DPDK, after the lists in `allow/`. No
//! decision lives here; the safe interface is the crate `dpdk`. An mbuf is opaque: its fields are
//! reached by the `DPDK_SYS_MBUF_*` offsets, which hold for every supported release.
#![no_std]
#![expect(unsafe_code, reason = "declarations of C functions")]
#![allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code with C's names"
)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

const _: () = assert!(size_of::<rte_mbuf>() == 128, "an mbuf is two cache lines");
const _: () = assert!(align_of::<rte_mbuf>() == 64, "an mbuf starts a cache line");
