//! A manager that is killed while it changes has kept all that it acknowledged.

use crate::common::{LIMIT, Random, rounds, within};
use crate::store::open;
use crate::support::{Folder, rerun};
use laneway::manager::{DriverSpec, DriverType, Manager, SubscriptionSpec};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::Stdio;

const STORE: &str = "LANEWAY_DISPATCH_STORE";
const SEED: &str = "LANEWAY_SEED";

/// What is kept, as one text for each.
type Model = BTreeMap<String, String>;

/// The next change, which follows from the seed, made in a model and in a manager if there is one.
fn change(random: &mut Random, model: &mut Model, manager: Option<&Manager>) {
    let number = random.below(4);
    let value = random.next().to_string();
    let create_or_update =
        |key: String, model: &mut Model, text: String| model.insert(key, text).is_none();
    match random.below(5) {
        0 => {
            let spec = DriverType::command(format!("t{number}"), "true", [&*value]);
            let is_new = create_or_update(format!("t{number}"), model, format!("{spec:?}"));
            if let Some(manager) = manager {
                let made = if is_new {
                    manager.create_driver_type(spec)
                } else {
                    manager.update_driver_type(spec)
                };
                made.unwrap();
            }
        }
        1 if model.contains_key(&format!("t{number}")) => {
            let spec = DriverSpec::new(format!("d{number}"), format!("t{number}"));
            let spec = spec.config("value", value);
            let is_new = create_or_update(format!("d{number}"), model, format!("{spec:?}"));
            if let Some(manager) = manager {
                let made = if is_new {
                    manager.create_driver(spec)
                } else {
                    manager.update_driver(spec)
                };
                made.unwrap();
            }
        }
        2 if model.remove(&format!("s{number}")).is_some() => {
            if let Some(manager) = manager {
                manager.delete_subscription(&format!("s{number}")).unwrap();
            }
        }
        3 if model.remove(&format!("d{number}")).is_some() => {
            if let Some(manager) = manager {
                manager.delete_driver(&format!("d{number}")).unwrap();
            }
        }
        _ => {
            let spec = SubscriptionSpec::new(format!("s{number}"), "a.b", "f").tag("value", value);
            let is_new = create_or_update(format!("s{number}"), model, format!("{spec:?}"));
            if let Some(manager) = manager {
                let made = if is_new {
                    manager.create_subscription(spec)
                } else {
                    manager.update_subscription(spec)
                };
                made.unwrap();
            }
        }
    }
}

fn kept(manager: &Manager) -> Model {
    let types = manager.driver_types().into_iter();
    let types = types.map(|spec| (spec.name().to_owned(), format!("{spec:?}")));
    let drivers = manager.drivers().into_iter().map(|info| info.spec);
    let drivers = drivers.map(|spec| (spec.name().to_owned(), format!("{spec:?}")));
    let subscriptions = manager.subscriptions().into_iter().map(|info| info.spec);
    let subscriptions = subscriptions.map(|spec| (spec.name().to_owned(), format!("{spec:?}")));
    types.chain(drivers).chain(subscriptions).collect()
}

/// Not a test by itself: what the next one kills.
#[test]
fn the_child() {
    let Some(path) = std::env::var_os(STORE) else {
        return;
    };
    let manager = open(&PathBuf::from(path)).unwrap();
    let (mut random, mut model) = (Random::new(), Model::new());
    for number in 1.. {
        change(&mut random, &mut model, Some(&manager));
        // In one write, so that what is read is whole.
        let line = format!("\nack {number}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn a_manager_that_is_killed_has_kept_what_it_acknowledged() {
    let mut random = Random::new();
    within(LIMIT * 2, move || {
        for _ in 0..rounds(20) {
            let folder = Folder::new();
            let path = folder.file("state.json");
            let seed = random.next();
            let mut child = rerun("crash::the_child", STORE, &path)
                .env(SEED, seed.to_string())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let stop_at = random.below(40);
            let mut output = BufReader::new(child.stdout.take().unwrap());
            let mut acknowledged = 0;
            let mut line = String::new();
            let mut is_killed = false;
            while output.read_line(&mut line).unwrap() > 0 {
                if let Some(number) = line.strip_prefix("ack ")
                    && line.ends_with('\n')
                {
                    acknowledged = number.trim().parse().unwrap();
                }
                line.clear();
                if acknowledged >= stop_at && !is_killed {
                    // At any moment of the changes after this one.
                    for _ in 0..random.below(20_000) {
                        std::hint::spin_loop();
                    }
                    child.kill().unwrap();
                    is_killed = true;
                }
            }
            child.wait().unwrap();
            assert!(is_killed, "it ended by itself");

            let manager = open(&path).unwrap();
            let found = kept(&manager);
            // The child's own random numbers, from the same seed.
            let mut replay = Replay::new(seed);
            for _ in 0..acknowledged {
                replay.step();
            }
            let before = replay.model.clone();
            replay.step();
            assert!(
                found == before || found == replay.model,
                "after {acknowledged}: {found:?}, and not {before:?}"
            );
        }
    });
}

/// The same changes again, in the model only.
struct Replay {
    random: Random,
    model: Model,
}

impl Replay {
    fn new(seed: u64) -> Self {
        Replay {
            random: Random::from_seed(seed),
            model: Model::new(),
        }
    }

    fn step(&mut self) {
        change(&mut self.random, &mut self.model, None);
    }
}
