//! What was built of this workspace, as this test was built. (Cargo gives a test the programs of its own package only.)

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Our command and the preloaded device.
pub(crate) struct Built {
    pub(crate) dtrace: PathBuf,
    pub(crate) preload: PathBuf,
}

/// Builds them, once.
pub(crate) fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        // TARGET/PROFILE/deps/this
        let test = env::current_exe().unwrap();
        let profile = test.ancestors().nth(2).unwrap();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "dtrace-preload", "--package", "libdtrace-rs"]);
        build.args(["--lib", "--bin", "dtrace", "--target-dir"]).arg(profile.parent().unwrap());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "cargo could not build dtrace and its device");
        Built { dtrace: profile.join("dtrace"), preload: profile.join("libdtrace_preload.so") }
    })
}
