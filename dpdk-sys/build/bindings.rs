//! The Rust declarations and the C code behind them.

use std::path::Path;

use bindgen::callbacks::{IntKind, ParseCallbacks};

use crate::installed::{Installed, stop};
use crate::list;

/// Writes `bindings.rs` and, for the inline functions, `inline.c` into `out`.
pub(crate) fn generate(dpdk: &Installed, out: &Path, rivals: bool) {
    let mut builder = bindgen::Builder::default()
        .header("csrc/dpdk_sys.h")
        .clang_args(&dpdk.flags)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .use_core()
        .parse_callbacks(Box::new(FlagTypes))
        // Without it the flags built with RTE_BIT64() and casts are silently left out.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(out)
        .wrap_static_fns(true)
        .wrap_static_fns_path(out.join("inline.c"))
        .default_enum_style(bindgen::EnumVariation::ModuleConsts)
        .prepend_enum_name(false)
        .derive_default(true)
        .generate_comments(false)
        .merge_extern_blocks(true)
        // `__thread` variables: a plain `static` links, and then reads somewhere else.
        .blocklist_item("per_lcore_.*");
    let read = |name: &str| {
        let mut names = list::read(&format!("allow/{name}.txt"));
        if rivals {
            names.extend(list::read(&format!("allow/rivals/{name}.txt")));
        }
        names
    };
    if rivals {
        builder = builder.header("csrc/rivals.h");
    }
    let (functions, types, enums) = (read("functions"), read("types"), read("enums"));
    let constants = list::read("allow/constants.txt");
    for name in &functions {
        builder = builder.allowlist_function(name);
    }
    for name in types.iter().chain(&enums) {
        builder = builder.allowlist_type(name);
    }
    for name in &constants {
        builder = builder.allowlist_var(name);
    }
    for name in read("opaque") {
        builder = builder.opaque_type(name);
    }
    let text = builder.generate().unwrap_or_else(|error| stop(&format!("bindgen: {error}"))).to_string();
    require(&text, "fn", &functions);
    require(&text, "struct", &types);
    require(&text, "mod", &enums);
    require(&text, "const", &constants);
    std::fs::write(out.join("bindings.rs"), text)
        .unwrap_or_else(|error| stop(&format!("bindings.rs: {error}")));
}

/// Compiles `csrc/` and the wrappers of the inline functions.
pub(crate) fn compile_shims(dpdk: &Installed, out: &Path, rivals: bool) {
    let mut compiler = cc::Build::new();
    compiler
        .file("csrc/shims.c")
        .file(out.join("inline.c"))
        .include(".")
        .include("csrc")
        .opt_level(3)
        // Warnings here are about DPDK's headers.
        .warnings(false);
    if rivals {
        compiler.file("csrc/rivals.c");
    }
    for flag in &dpdk.flags {
        compiler.flag(flag);
    }
    compiler.compile("dpdk_sys_shims");
}

/// A name bindgen does not find is left out without a word; here it ends the build.
fn require(text: &str, keyword: &str, names: &[String]) {
    for name in names {
        let found =
            text.split(name.as_str()).zip(text.split(name.as_str()).skip(1)).any(|(before, after)| {
                before.ends_with(&format!("{keyword} "))
                    && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            });
        if !found {
            stop(&format!("the DPDK headers define no {keyword} `{name}`"));
        }
    }
}

/// bindgen types each macro by its value, so that half the flags of a family would be `u32`.
#[derive(Debug)]
struct FlagTypes;

impl ParseCallbacks for FlagTypes {
    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        ["RTE_ETH_RSS_", "RTE_ETH_RX_OFFLOAD_", "RTE_ETH_TX_OFFLOAD_", "RTE_MBUF_F_"]
            .iter()
            .any(|family| name.starts_with(family))
            .then_some(IntKind::U64)
    }
}
