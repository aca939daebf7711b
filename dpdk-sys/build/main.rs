//! Binds the installed DPDK: finds it, generates the bindings, compiles the C shims, links it.
#![expect(clippy::print_stdout, reason = "instructions to cargo")]

mod bindings;
mod installed;
mod link;
mod list;

use std::path::PathBuf;

fn main() {
    for watched in ["allow", "build", "csrc", "link"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let dpdk = installed::find();
    let rivals = std::env::var_os("CARGO_FEATURE_RIVALS").is_some();
    bindings::generate(&dpdk, &out, rivals);
    // The archive of the shims has to stand before the libraries it calls.
    bindings::compile_shims(&dpdk, &out, rivals);
    link::emit(&dpdk, rivals);
}
