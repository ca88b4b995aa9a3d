//! Sinks at work: a webhook that is down for a while, an archive on the disk, and a listener, behind one router.
//!
//! Everything is on this machine: the webhook's server is a thread of this program.

use laneway::sink::{
    BoxError, Breaker, Broadcast, Encode, ExponentialBackoff, FileSink, Fsync, HttpSink, Sink,
    SinkErrorKind, SinkMetrics, WhenFull, channel,
};
use laneway::{Event, Filter, Router, Topic};
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

/// What happened to a virtual machine of this number.
#[derive(Clone)]
struct Vm(u32);

/// How it is written, to files and webhooks alike.
impl Encode for Vm {
    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        let number = event.payload().0;
        // Whoever publishes chooses the type: it may have quotes in it.
        let what = serde_json::to_string(event.topic().event_type())?;
        out.extend(format!(r#"{{"type":{what},"vm":{number}}}"#).bytes());
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("laneway-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;

    // A webhook. It is tried again while it is down, and after three failures in a row left alone for a moment. What
    // it refuses for good goes to a file, with the reason. The queue keeps all of that from whoever writes to it.
    let url = start_server()?;
    let metrics = SinkMetrics::new();
    let dead_letters = FileSink::open(folder.join("dead.ndjson"))?;
    let pause = Duration::from_millis(20);
    let webhook = HttpSink::<Vm>::new(&url)?
        .secret("a secret that both sides know")
        .timeout_after(Duration::from_secs(2))?
        .tap(&metrics)
        .retry((
            Breaker::new(3, pause),
            ExponentialBackoff::new(Duration::ZERO, pause / 4, pause),
        ))
        .max_attempts(20)
        .dead_letter(dead_letters)
        .queue(1024)
        .named("webhook");

    // An archive: it rotates, and what a crash left of a line is moved aside when it is opened.
    let archive = FileSink::builder(folder.join("archive.ndjson"))
        .max_bytes(64 << 20)
        .keep(4)
        .fsync(Fsync::Interval(Duration::from_secs(1)))
        .open()?;

    // A listener that only wants even numbers, on a thread of its own.
    let (listener, mut reader) = channel::<Vm>(64);
    let listening = std::thread::spawn(move || reader.iter().count());

    // All of them get each event. One that fails costs the others nothing.
    let broadcast = Broadcast::new()
        .with(
            "webhook",
            webhook.when_full(WhenFull::Block(Duration::from_secs(1))),
        )
        .with("archive", archive)
        .with(
            "listener",
            listener.filter(|event: &Event<Vm>| event.payload().0.is_multiple_of(2)),
        );

    let router = Router::<Vm>::new();
    let attached = router
        .subscription()
        .named("outside")
        .filter(Filter::any().event_type("VM.*"))
        .attach(broadcast, Duration::from_secs(5))?;

    let started = Topic::new("compute", "VM.START")?;
    for number in 0..20 {
        router.publish(started, Vm(number))?;
    }
    router.flush()?;

    // Ending the subscription flushes and closes the sinks, and says what was left.
    attached.unsubscribe()?;
    let report = attached.close_report().ok_or("the sinks are closed")?;
    println!("left undone: {report:?}");
    let stats = metrics.snapshot();
    println!(
        "webhook:     {} requests, {} accepted, {} failed, {} refused",
        stats.writes,
        stats.written,
        stats.failures(SinkErrorKind::Failed),
        stats.failures(SinkErrorKind::Refused),
    );
    let lines = |name: &str| std::fs::read_to_string(folder.join(name));
    println!(
        "archive:     {} lines",
        lines("archive.ndjson")?.lines().count()
    );
    println!("dead letter: {}", lines("dead.ndjson")?.trim());
    println!(
        "listener:    {} events",
        listening.join().map_err(|_| "it panicked")?
    );
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// A server that is down for its first five requests, and has something against number 13.
fn start_server() -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/events", listener.local_addr()?);
    std::thread::spawn(move || {
        let mut requests = 0;
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            while let Some(body) = read_request(&mut reader) {
                requests += 1;
                let status = match body {
                    _ if requests <= 5 => "503 Unavailable",
                    body if body.contains(":13}") => "422 Unlucky",
                    _ => "200 OK",
                };
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                if (&stream).write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    Ok(url)
}

/// The body of the next request.
fn read_request(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .ok()
            .filter(|bytes| *bytes > 0)?;
        let line = line.trim().to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            None if line.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
