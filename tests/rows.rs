//! The table in `tests/README.md`, which says what carries out each row of the reliability matrix: each test that it names is
//! there, and has the row in its name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ROWS: u32 = 24;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The row, what its second cell names, and the file that its third cell names.
fn rows(table: &str) -> Vec<(u32, Vec<&str>, &str)> {
    let cells = |line: &'static str| line;
    let _ = cells;
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|');
            let row = cells.next()?.trim().parse().ok()?;
            let file = quoted(cells.next()?).next().expect("a file");
            Some((row, quoted(cells.next()?).collect(), file))
        })
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The row that a test has in its name.
fn row_of(name: &str) -> Option<u32> {
    name.strip_prefix("row_")?.get(..2)?.parse().ok()
}

fn functions(source: &str) -> impl Iterator<Item = &str> {
    let name = |line: &'_ str| -> Option<usize> { line.find('(') };
    source.lines().filter_map(move |line| {
        let rest = line.trim_start().strip_prefix("fn ")?;
        name(rest).map(|end| &rest[..end])
    })
}
