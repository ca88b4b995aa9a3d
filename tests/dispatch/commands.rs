//! External commands as functions.
#![cfg(target_os = "linux")]

use crate::common::{LIMIT, Log, guarded, within};
use crate::support::{
    Folder, data_of, event, idle, is_gone, rerun, result_of, started, stats, wait_until_gone,
};
use laneway::cloudevents::CloudEvent;
use laneway::manager::{Command, Function, Manager, SubscriptionSpec};
use std::time::Duration;

pub(crate) fn sh(script: &str) -> Command {
    Command::new("sh").arg("-c").arg(script)
}

fn run(command: Command) -> serde_json::Value {
    result_of(Function::command(command), event("7", "a.b"))
}

#[test]
fn the_event_comes_on_standard_input_and_the_output_goes_into_the_result() {
    guarded(|| {
        let result = run(Command::new("cat"));
        assert_eq!(result["output"], event("7", "a.b").to_json());
        assert_eq!(result["exit_code"], 0);
        assert_eq!(result["attempt"], 1);
        assert_eq!(result["event"]["id"], "7");
        assert_eq!(result["output_truncated"], false);
    });
}

#[test]
fn an_event_larger_than_a_pipe_goes_through() {
    guarded(|| {
        let text = "x".repeat(1 << 20);
        let large = CloudEvent::builder("1", "/s", "a.b")
            .text("text/plain", &*text)
            .build()
            .unwrap();
        let length = large.to_json().len();
        let result = result_of(
            Function::command(Command::new("wc").arg("-c")),
            large.clone(),
        );
        let counted = result["output"].as_str().unwrap().trim().to_owned();
        assert_eq!(counted, length.to_string());
        // In both directions at once.
        let cat = Command::new("cat").output_limit(4 << 20);
        let result = result_of(Function::command(cat), large.clone());
        assert_eq!(result["output"].as_str().unwrap().len(), length);
        // One that does not read is its own affair.
        let result = result_of(Function::command(sh("exec <&-; echo done")), large);
        assert_eq!(result["output"], "done\n");
    });
}

/// The leader of the group goes to its parent's group, and sleeps: only its old group was killed, and the end was waited for.
#[test]
fn a_command_that_leaves_its_group_is_killed_all_the_same() {
    const TOLD: &str = "LANEWAY_LEAVE";
    let name = "commands::a_command_that_leaves_its_group_is_killed_all_the_same";
    if std::env::var_os(TOLD).is_some() {
        let group = rustix::process::getpgid(rustix::process::getppid()).unwrap();
        rustix::process::setpgid(None, Some(group)).unwrap();
        println!("left");
        loop {
            std::thread::park();
        }
    }
    guarded(move || {
        let this = std::env::current_exe().unwrap();
        let command = Command::new(this.to_str().unwrap())
            .arg("--exact")
            .arg(name)
            .arg("--nocapture")
            .env(TOLD, "1")
            .timeout(Duration::from_secs(2));
        let result = run(command);
        assert_eq!(result["error"]["kind"], "timeout");
        assert!(result["output"].as_str().unwrap().contains("left"));
    });
}

#[test]
fn an_exit_code_or_a_signal_is_a_failure() {
    guarded(|| {
        let result = run(sh("echo out; echo wrong >&2; exit 3"));
        assert_eq!(result["exit_code"], 3);
        assert_eq!(result["error"]["kind"], "exit");
        assert_eq!(result["error"]["message"], "exit code 3");
        assert_eq!(result["final"], true);
        assert_eq!(
            (&result["output"], &result["stderr"]),
            (&"out\n".into(), &"wrong\n".into())
        );
        let result = run(sh("kill -9 $$"));
        assert_eq!(result["error"]["message"], "ended by signal 9");
        let result = run(Command::new("/does/not/exist"));
        assert_eq!(result["error"]["kind"], "system");
        assert!(
            result["error"]["message"]
                .as_str()
                .unwrap()
                .contains("/does/not/exist")
        );
    });
}

#[test]
fn both_outputs_are_bounded_and_the_rest_is_drained() {
    guarded(|| {
        let flood =
            "head -c 3000000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero | tr '\\0' y >&2";
        let result = run(sh(flood).output_limit(100));
        assert_eq!(result["output"], "x".repeat(100));
        assert_eq!(result["stderr"], "y".repeat(100));
        assert_eq!(result["output_truncated"], true);
        assert_eq!(result["stderr_truncated"], true);
        assert_eq!(result["exit_code"], 0);
    });
}

#[test]
fn a_command_that_hangs_is_killed_at_its_timeout_with_its_children() {
    guarded(|| {
        let folder = Folder::new();
        let late = folder.file("late");
        let script = "(sleep 3600; echo too late > \"$LATE\") & echo $$ $!; wait";
        let mut timeout = Duration::from_millis(200);
        let (result, processes) = loop {
            let command = sh(script).env("LATE", late.to_str().unwrap());
            let result = run(command.timeout(timeout));
            let processes: Vec<String> = (result["output"].as_str().unwrap())
                .split_whitespace()
                .map(Into::into)
                .collect();
            if processes.len() == 2 {
                break (result, processes);
            }
            // It had not even begun.
            timeout *= 2;
        };
        assert_eq!(result["error"]["kind"], "timeout");
        assert_eq!(result["exit_code"], serde_json::Value::Null);
        // The leader is reaped when the run is over; its child by whoever took it over.
        assert!(is_gone(&processes[0]));
        wait_until_gone(&processes[1]);
        assert!(!late.exists());
    });
}

#[test]
fn children_that_a_command_leaves_behind_end_with_it() {
    guarded(|| {
        let result = run(sh("sleep 3600 & echo $!"));
        assert_eq!(result["exit_code"], 0);
        wait_until_gone(result["output"].as_str().unwrap().trim());
    });
}

/// The limit that the documentation names: such a child gets away, but holds nothing up.
#[test]
fn a_child_that_moved_to_another_session_is_not_waited_for() {
    guarded(|| {
        let folder = Folder::new();
        let fifo = folder.file("fifo");
        let script = "mkfifo \"$FIFO\"
            setsid sh -c ': > \"$FIFO.moved\"; read line < \"$FIFO\"' & echo $!
            until [ -e \"$FIFO.moved\" ]; do :; done";
        let result = run(sh(script).env("FIFO", fifo.to_str().unwrap()));
        assert_eq!(result["exit_code"], 0, "{result}");
        let child = result["output"].as_str().unwrap().trim().to_owned();
        assert!(!is_gone(&child));
        // Its pipes are closed on our side, and it ends when it is told to.
        std::fs::write(&fifo, "end\n").unwrap();
        wait_until_gone(&child);
    });
}

#[test]
fn secrets_and_variables_are_in_the_environment() {
    guarded(|| {
        let manager = started();
        let command = sh("echo $API_KEY $MORE").env("MORE", "more");
        manager
            .add_function("f", Function::command(command))
            .unwrap();
        manager.add_secret("cloud", [("api-key", "k1")]).unwrap();
        let spec = SubscriptionSpec::new("s", "a", "f").secret("cloud");
        manager.create_subscription(spec).unwrap();
        let (results, _) = data_of(&manager, "function.*");
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(results.take()[0]["output"], "k1 more\n");
    });
}

#[test]
fn closing_kills_what_runs_at_the_deadline() {
    guarded(|| {
        let folder = Folder::new();
        let pids = folder.file("pids");
        let manager = started();
        let script = "sleep 3600 & echo $$ $! > \"$PIDS.new\"; mv \"$PIDS.new\" \"$PIDS\"; wait";
        let command = sh(script).env("PIDS", pids.to_str().unwrap());
        manager
            .add_function("f", Function::command(command.timeout(LIMIT * 10)))
            .unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        crate::common::wait_until(|| pids.exists());
        let report = manager.close(Duration::ZERO);
        assert_eq!(report.discarded, 1);
        assert!(report.detached.is_empty(), "{report:?}");
        let stats = stats(&manager, "s");
        assert_eq!((stats.failed, stats.discarded, stats.pending), (1, 1, 0));
        let pids = std::fs::read_to_string(pids).unwrap();
        pids.split_whitespace().for_each(wait_until_gone);
    });
}

/// In a process of its own, so that nobody else opens files.
#[test]
fn runs_leave_no_files_open_and_no_processes_behind() {
    const ALONE: &str = "LANEWAY_DISPATCH_ALONE";
    if std::env::var_os(ALONE).is_none() {
        within(LIMIT, || {
            let name = "commands::runs_leave_no_files_open_and_no_processes_behind";
            let ran = rerun(name, ALONE, "1").output().unwrap();
            let text = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert!(ran.status.success() && text.contains("1 passed"), "{text}");
        });
        return;
    }
    let manager = Manager::builder().workers(1).build().unwrap();
    manager.start().unwrap();
    let noted = Log::default();
    let notes = noted.clone();
    manager
        .add_function("echo", Function::command(Command::new("cat")))
        .unwrap();
    manager
        .add_function(
            "hang",
            Function::command(sh("sleep 3600").timeout(Duration::from_millis(1))),
        )
        .unwrap();
    for (event_type, function) in [("a", "echo"), ("b", "hang")] {
        let spec = SubscriptionSpec::new(function, event_type, function);
        manager.create_subscription(spec).unwrap();
    }
    manager
        .router()
        .subscribe(laneway::Filter::any().event_type("function.*"), move |_| {
            notes.push(());
        })
        .unwrap();
    let round = || {
        manager
            .emit_all([event("1", "a"), event("1", "b")])
            .unwrap();
        idle(&manager);
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    };
    let before = round();
    for _ in 0..20 {
        assert_eq!(round(), before);
    }
    assert_eq!(noted.len(), 42);
    let me = std::process::id().to_string();
    let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.unwrap().path().join("stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)? == me).then_some(stat.clone())
    });
    let children: Vec<_> = children.collect();
    assert!(children.is_empty(), "{children:?}");
}
