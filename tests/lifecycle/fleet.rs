//! The example, without its process: from lines to what it prints.

#[path = "../../examples/fleet/args.rs"]
mod args;
#[path = "../../examples/fleet/fleet.rs"]
mod example;
#[path = "../../examples/fleet/generate.rs"]
mod generate;
#[path = "../../examples/fleet/lines.rs"]
mod lines;
#[path = "../../examples/fleet/live.rs"]
mod live;

use crate::common::guarded;
use crate::view::Page;
use args::{Args, Command};
use example::Outcome;
use std::ffi::OsString;

fn parse(words: &str) -> Result<Command, String> {
    Args::parse(words.split_whitespace().map(OsString::from), false)
}

/// What it makes of an input: the outcome, what it showed before, and the complaints.
fn run(words: &str, input: impl Into<Vec<u8>>) -> (Outcome, String, String) {
    let Ok(Command::Run(args)) = parse(words) else {
        panic!("{words} does not run it");
    };
    let input = input.into();
    guarded(move || {
        let (page, mut errors) = (Page::default(), Vec::new());
        let out = Box::new(page.clone());
        let outcome = example::run(&args, &*input, out, &mut errors).unwrap();
        (outcome, page.text(), String::from_utf8(errors).unwrap())
    })
}

const LINES: &str = concat!(
    r#"{"protocol":"io.choria.lifecycle.v1.startup","id":"1","identity":"n1","component":"server","timestamp":0,"version":"1.2.3"}"#,
    "\n\n",
    r#"{"protocol":"io.choria.lifecycle.v1."#,
    "\n",
    r#"{"specversion":"1.0","source":"io.choria.lifecycle","data":{"protocol":"io.choria.lifecycle.v1.alive","id":"2","identity":"n2","component":"server","timestamp":60,"version":"1.2.4"}}"#,
    "\n",
    r#"{"specversion":"1.0","source":"somebody/else"}"#,
    "\r\n",
    r#"{"protocol":"choria:lifecycle:shutdown:1","id":"3","identity":"n1","component":"server","timestamp":61}"#,
);

#[test]
fn lines_are_tallied_and_bad_ones_named() {
    let (outcome, before, errors) = run("", LINES);
    assert_eq!((outcome.events, outcome.bad_lines), (3, 2));
    assert_eq!(before, "");
    assert_eq!(
        errors,
        "line 3: EOF while parsing a string at line 1 column 36\nline 5: unsupported event format\n"
    );
    assert!(
        outcome.report.contains("  version 1.2.4"),
        "{}",
        outcome.report
    );
    assert!(!outcome.report.contains("1.2.3"), "{}", outcome.report);
    assert!(
        outcome
            .summary()
            .starts_with("3 events and 2 bad lines in ")
    );
}

#[test]
fn as_prometheus_text() {
    let (outcome, ..) = run("--prometheus", LINES);
    for line in [
        r#"lifecycle_tally_good_events{component="server"} 3"#,
        r#"lifecycle_tally_process_errors{component="unknown"} 2"#,
        r#"lifecycle_tally_versions{component="server",version="1.2.4"} 1"#,
    ] {
        assert!(
            outcome.report.lines().any(|found| found == line),
            "{}",
            outcome.report
        );
    }
}

#[test]
fn with_a_view() {
    let (_, view, _) = run("--view", LINES);
    assert_eq!(
        view,
        "00:00:00 [startup] n1: server version 1.2.3\n\
         00:01:00 [alive] n2: server version 1.2.4\n\
         00:01:01 [shutdown] n1: server\n"
    );
    let (_, view, _) = run("--view-json --type shutdown --component server", LINES);
    assert!(
        view.starts_with(r#"{"protocol":"io.choria.lifecycle.v1.shutdown","id":"3""#),
        "{view}"
    );
    assert_eq!(view.lines().count(), 1);
}

#[test]
fn live() {
    let (outcome, table, _) = run("--live", LINES);
    assert_eq!(outcome.report, "");
    assert!(table.contains("  version 1.2.4"), "{table}");
}

#[test]
fn a_generated_stream() {
    let mut stream = Vec::new();
    generate::write(10_000, 5, &mut stream).unwrap();
    let mut again = Vec::new();
    generate::write(10_000, 5, &mut again).unwrap();
    assert!(stream == again, "it is always the same");
    let (outcome, _, errors) = run("", stream);
    assert_eq!(outcome.events + outcome.bad_lines, 10_000);
    assert!(
        (300..700).contains(&outcome.bad_lines),
        "{}",
        outcome.bad_lines
    );
    assert_eq!(errors.lines().count() as u64, outcome.bad_lines);
    let mut clean = Vec::new();
    generate::write(1_000, 0, &mut clean).unwrap();
    assert_eq!(run("", clean).0.bad_lines, 0);
}

#[test]
fn a_line_without_an_end() {
    let mut input = vec![b'x'; 3 << 20];
    input.push(b'\n');
    input.extend_from_slice(LINES.as_bytes());
    let (outcome, _, errors) = run("", input);
    assert_eq!((outcome.events, outcome.bad_lines), (3, 3));
    assert!(
        errors.starts_with("line 1: longer than 1048576 bytes\nline 4: "),
        "{errors}"
    );
    // The longest that is read, and bytes that are no text.
    let mut input = vec![b' '; 1 << 20];
    input.extend_from_slice(b"\n\xff\n");
    let (outcome, _, errors) = run("", input);
    assert_eq!((outcome.events, outcome.bad_lines), (0, 1));
    assert_eq!(errors, "line 2: not UTF-8 at line 1 column 1\n");
}

#[test]
fn arguments() {
    assert_eq!(parse("--help"), Ok(Command::Help));
    assert!(args::HELP.contains("--strict"));
    let generate = |events, bad_percent| {
        Ok(Command::Generate {
            events,
            bad_percent,
        })
    };
    assert_eq!(parse("--generate 7"), generate(7, 1));
    assert_eq!(parse("--generate 7 --bad 50"), generate(7, 50));
    for words in [
        "a b",
        "--what",
        "--type",
        "--type startup",
        "--view --type bogus",
        "--live --view",
        "--live --prometheus",
        "--bad 1",
        "--generate x",
        "--generate 1 --bad 101",
    ] {
        assert!(parse(words).is_err(), "{words}");
    }
}
