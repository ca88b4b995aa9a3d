//! Test data of other systems, which lies beside this repository.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

/// The folder with the vectors of a system. Where there is none a test says that it skips, and fails if
/// `LANEWAY_REQUIRE_VECTORS` is set.
pub(crate) fn dir(name: &str) -> Option<PathBuf> {
    let all = std::env::var_os("LANEWAY_VECTORS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors"),
        PathBuf::from,
    );
    let dir = all.join(name);
    if dir.is_dir() {
        return Some(dir);
    }
    let missing = format!("no vectors in {}", dir.display());
    assert!(
        std::env::var_os("LANEWAY_REQUIRE_VECTORS").is_none(),
        "{missing}"
    );
    // Written directly, since what tests print is shown only when they fail.
    let _ = writeln!(stderr(), "SKIPPED: {missing}");
    None
}
