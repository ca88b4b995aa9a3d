//! A made-up fleet, always the same: all types of events in both formats and that of old, and bad lines among them.

use laneway::lifecycle::{EventType, Format, LifecycleEvent, Stage};
use std::io::{self, Write};

const COMPONENTS: [&str; 3] = ["server", "broker", "provision_mode_server"];
const VERSIONS: [&str; 4] = ["0.27.0", "0.28.0", "0.29.0", "0.29.4"];

pub(crate) fn write(events: u64, bad_percent: u64, out: &mut impl Write) -> io::Result<()> {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for number in 0..events {
        let event = event(&mut random, number, events);
        let json = if random.below(2) == 0 {
            event.to_json_as(Format::Choria)
        } else {
            event.to_json_as(Format::CloudEvent)
        };
        let line = if random.below(100) < bad_percent {
            spoil(&mut random, &json)
        } else if random.below(50) == 0 {
            let name = event.event_type().name();
            let legacy = format!("choria:lifecycle:{name}:1");
            event
                .to_json_as(Format::Choria)
                .replace(event.event_type().protocol(), &legacy)
        } else {
            json
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn event(random: &mut Random, number: u64, events: u64) -> LifecycleEvent {
    let nodes = (events / 20).clamp(1, 50_000);
    let component = COMPONENTS[random.below(20).saturating_sub(17) as usize];
    // The fleet moves on to later versions.
    let age = number * 3 / events.max(1) + random.below(2);
    let version = VERSIONS[age.min(3) as usize];
    let event_type = match random.below(20) {
        0 => EventType::Shutdown,
        1 => EventType::Provisioned,
        2 => EventType::Upgraded,
        3..6 => EventType::Governor,
        6..10 => EventType::Startup,
        _ => EventType::Alive,
    };
    let event = match event_type {
        EventType::Alive => LifecycleEvent::alive(component, version),
        EventType::Startup => LifecycleEvent::startup(component, version),
        EventType::Shutdown => LifecycleEvent::shutdown(component),
        EventType::Provisioned => LifecycleEvent::provisioned(component),
        EventType::Upgraded => LifecycleEvent::upgraded(component, version, VERSIONS[3]),
        EventType::Governor => {
            let stage = Stage::ALL[random.below(4) as usize];
            LifecycleEvent::governor(component, "PUPPET", stage).sequence(random.below(10))
        }
    };
    // Some come late.
    let timestamp = 1_700_000_000 + (number / 100) as i64 - random.below(3) as i64;
    let (high, low) = (random.next(), random.next());
    event
        .identity(format!("n{}.example.net", random.below(nodes)))
        .id(format!("{high:016x}{low:016x}"))
        .timestamp(timestamp)
        .build()
        .expect("all that is required is there")
}

fn spoil(random: &mut Random, json: &str) -> String {
    match random.below(5) {
        0 => json[..json.len() / 2].into(),
        1 => r#"{"specversion":"1.0","id":"1","source":"somebody/else","type":"x"}"#.into(),
        2 => json.replace("lifecycle.v1.", "lifecycle.v9."),
        3 => json.replace("\"timestamp\":", "\"timestamp\":\"now\",\"was\":"),
        _ => "not even JSON".into(),
    }
}

/// Xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
