//! Which libraries does the program link?

use crate::installed::{Installed, stop};
use crate::list;

/// Prints cargo's link instructions for the chosen feature; `static` wins when both are on, since
/// features of one crate add up over a whole build.
pub(crate) fn emit(dpdk: &Installed, rivals: bool) {
    println!("cargo:rustc-link-search=native={}", dpdk.library_directory.display());
    let on = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let (name, kind, suffix) = if on("STATIC") {
        ("static", "static:+whole-archive,-bundle", "a")
    } else if on("SHARED") {
        ("shared", "dylib", "so")
    } else {
        stop("enable one of the features `static` (the default) and `shared`")
    };
    let mut system: Vec<String> = Vec::new();
    let mut lines = list::read(&format!("link/{name}.txt"));
    if rivals {
        lines.extend(list::read(&format!("link/rivals-{name}.txt")));
    }
    for line in lines {
        let mut words = line.split_whitespace();
        let entry = words.next().unwrap_or_default();
        let (name, optional) = match entry.strip_suffix('?') {
            Some(name) => (name, true),
            None => (entry, false),
        };
        let file = dpdk.library_directory.join(format!("librte_{name}.{suffix}"));
        if file.exists() {
            println!("cargo:rustc-link-lib={kind}=rte_{name}");
            system.extend(words.map(str::to_owned));
        } else if !optional {
            stop(&format!(
                "{} is missing; on Debian and Ubuntu: apt-get install libdpdk-dev",
                file.display()
            ));
        }
    }
    system.sort();
    system.dedup();
    for name in system {
        println!("cargo:rustc-link-lib=dylib={name}");
    }
}
