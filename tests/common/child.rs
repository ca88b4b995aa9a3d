//! Tests that run once more in a process of their own, under another program.

use std::process::{Command, Output};

const INSIDE: &str = "LANEWAY_TEST_INSIDE";

/// Whether this process was started by [`run_again`].
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs one test of this binary under `program`. `None`, and a visible line, if there is no such program.
pub(crate) fn run_again(program: &str, arguments: &[&str], test: &str) -> Option<Output> {
    let this = std::env::current_exe().expect("the path of this test");
    let output = Command::new(program)
        .args(arguments)
        .arg(this)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output();
    match output {
        Ok(output) => {
            let ran = String::from_utf8_lossy(&output.stdout).contains("running 1 test");
            assert!(ran, "there is a test {test}: {output:?}");
            Some(output)
        }
        Err(error) => {
            skip(&format!("no {program} here: {error}"));
            None
        }
    }
}

/// Runs one test of this binary on one CPU.
pub(crate) fn run_on_one_cpu(test: &str) {
    if is_inside() {
        return;
    }
    // The first one that this process may use.
    let allowed = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = allowed
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let Some(allowed) = allowed else {
        return skip("this system does not say which CPUs there are");
    };
    let cpu: String = allowed
        .trim()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if let Some(output) = run_again("taskset", &["-c", &cpu], test) {
        assert!(output.status.success(), "on CPU {cpu}: {}", told(&output));
    }
}

pub(crate) fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}\n{err}")
}

/// Past the harness, which shows what passing tests print to nobody.
pub(crate) fn skip(why: &str) {
    use std::io::Write;
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {why}");
}
