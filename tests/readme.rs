//! The README shows a program that compiles: the quickstart example, to the letter.

#[test]
fn the_readme_shows_the_quickstart() {
    let code = include_str!("../examples/quickstart.rs")
        .lines()
        .skip_while(|line| line.starts_with("//!") || line.is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(include_str!("../README.md").contains(&code));
}
