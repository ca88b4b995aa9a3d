//! Sets the cfgs that are this package's alone: no flags for dependencies, no rebuild of the crate itself.

fn main() {
    println!("cargo:rustc-cfg=laneway_loom");
    println!("cargo:rerun-if-env-changed=LANEWAY_MUTANT");
    if let Ok(mutant) = std::env::var("LANEWAY_MUTANT") {
        println!("cargo:rustc-cfg=laneway_mutant=\"{mutant}\"");
    }
}
