//! Which DPDK is installed, and what do its headers want from a compiler?

use std::path::PathBuf;
use std::process::Command;

/// What pkg-config says about libdpdk.
pub(crate) struct Installed {
    /// The compiler flags, verbatim: the pkg-config crate drops `-march=` and `-include`, and
    /// without them the inline functions do not compile.
    pub(crate) flags: Vec<String>,
    /// Where the libraries are.
    pub(crate) library_directory: PathBuf,
}

/// Asks pkg-config, and ends the build with advice when there is no DPDK to build on.
pub(crate) fn find() -> Installed {
    let version =
        match pkg_config::Config::new().atleast_version(OLDEST).cargo_metadata(false).probe("libdpdk") {
            Ok(library) => library.version,
            Err(reason) => stop(&format!(
                "DPDK {OLDEST} or later was not found.\n\
             On Debian and Ubuntu: apt-get install libdpdk-dev libclang-dev clang pkgconf\n\
             \n{reason}"
            )),
        };
    if version.split('.').nth(1) != Some("11") {
        println!("cargo:warning=DPDK {version} is not a long-term release (22.11, 23.11, 24.11, ...)");
    }
    Installed {
        flags: ask(&["--cflags", "libdpdk"]).split_whitespace().map(str::to_owned).collect(),
        library_directory: PathBuf::from(ask(&["--variable=libdir", "libdpdk"]).trim()),
    }
}

/// Ends the build with a message and without a backtrace.
pub(crate) fn stop(message: &str) -> ! {
    eprintln!("dpdk-sys: {message}");
    std::process::exit(1)
}

fn ask(arguments: &[&str]) -> String {
    // The same program and search path that the pkg-config crate has just used.
    let program = std::env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| stop(&format!("pkg-config: {error}")));
    if !output.status.success() {
        stop(&String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const OLDEST: &str = "22.11";
