//! Sets the cfgs that are this package's alone: no flags for dependencies, no rebuild of the crate itself.

fn main() {
    // The sources ask whether they are modelled, and `sync.rs` by whom.
    println!("cargo:rustc-cfg=laneway_loom");
    println!("cargo:rustc-cfg=laneway_shuttle");
    println!("cargo:rerun-if-env-changed=LANEWAY_MUTANT");
    if let Ok(mutant) = std::env::var("LANEWAY_MUTANT") {
        println!("cargo:rustc-cfg=laneway_mutant=\"{mutant}\"");
    }
}
