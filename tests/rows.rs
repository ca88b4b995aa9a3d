//! The table in `tests/README.md` says which tests carry out each row of the reliability matrix. It names all of them, each is
//! where it says, and the test's own name says the row.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROWS: u32 = 24;

/// The row, the file, and a test in it; no test where the file is a script.
type Entry = (u32, String, Option<String>);

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// What the table says.
fn told() -> BTreeSet<Entry> {
    let mut told = BTreeSet::new();
    for line in read("tests/README.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", row, _, file, tests, ..] = cells[..] else {
            continue;
        };
        let Ok(row) = row.parse() else { continue };
        let file = quoted(file).next().expect("a file in backquotes");
        let tests: Vec<String> = quoted(tests).collect();
        if tests.is_empty() {
            told.insert((row, file, None));
        } else {
            told.extend(
                tests
                    .into_iter()
                    .map(|test| (row, file.clone(), Some(test))),
            );
        }
    }
    told
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// The tests whose names say their row.
fn there_are() -> BTreeSet<Entry> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["src", "tests", "loom-tests/src", "shuttle-tests/src"] {
        files(&root.join(folder), &mut sources);
    }
    let mut found = BTreeSet::new();
    for path in sources {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let file = path.strip_prefix(root).expect("below it").to_string_lossy();
        for line in read(&path).lines() {
            let Some(name) = line.trim_start().strip_prefix("fn row_") else {
                continue;
            };
            let (row, rest) = name.split_at(2);
            let rest = rest.split('(').next().unwrap_or_default();
            let row = row
                .parse()
                .unwrap_or_else(|_| panic!("row_{name} in {file}"));
            found.insert((row, file.to_string(), Some(format!("row_{row:02}{rest}"))));
        }
    }
    found
}

#[test]
fn the_table_names_the_tests_of_each_row_and_no_others() {
    let (told, there_are) = (told(), there_are());
    let of_tests: BTreeSet<Entry> = told
        .iter()
        .filter(|entry| entry.2.is_some())
        .cloned()
        .collect();
    let missing: Vec<_> = of_tests.difference(&there_are).collect();
    assert!(
        missing.is_empty(),
        "the table names what is not there: {missing:#?}"
    );
    let untold: Vec<_> = there_are.difference(&of_tests).collect();
    assert!(untold.is_empty(), "the table does not name: {untold:#?}");
    for (_, script, _) in told.difference(&of_tests) {
        assert!(!read(script).is_empty());
    }
    for row in 1..=ROWS {
        assert!(
            told.iter().any(|entry| entry.0 == row),
            "row {row} has no test"
        );
    }
}

/// The words between `before` and `after` in all files of a folder.
fn words_between(folder: &str, before: &str, after: char) -> BTreeSet<String> {
    let mut sources = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut sources,
    );
    let mut words = BTreeSet::new();
    for source in sources {
        for part in read(&source).split(before).skip(1) {
            let part = part.split(after).next().unwrap_or_default();
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What `loom-tests/mutants.sh` and `checks/` run: that each of them is caught is for those to show.
#[test]
fn row_21_each_mutant_of_the_sources_is_named_by_a_model_or_a_check() {
    let in_sources = words_between("src", "mutant!(\"", '"');
    assert!(in_sources.len() > 30, "{in_sources:?}");
    let of_models = words_between("loom-tests/src", "/// mutants: ", '\n');
    // Those are there for a sanitizer.
    let of_checks = words_between("checks", "# mutants: ", '\n');
    assert_eq!(in_sources, &of_models | &of_checks);
}
