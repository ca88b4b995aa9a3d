//! A small HTTP server, which answers as it is told.

use crate::common::Log;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Which of the server's connections it came by.
    pub(crate) connection: usize,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut named = (self.headers.iter()).filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let found = named.next().map(|(_, value)| value.as_str());
        assert!(named.next().is_none(), "{name} is there twice");
        found
    }
}

/// What a request gets.
pub(crate) enum Answer {
    /// The whole text of a response.
    Text(String),
    /// The connection is closed without one.
    HangUp,
    /// Nothing, until the server ends.
    Silence,
}

/// Without a body.
pub(crate) fn status(status: u16) -> Answer {
    with_headers(status, "")
}

pub(crate) fn with_headers(status: u16, headers: &str) -> Answer {
    Answer::Text(format!(
        "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{headers}\r\n"
    ))
}

type Answers = dyn FnMut(&Request) -> Answer + Send;

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) requests: Log<Request>,
    address: std::net::SocketAddr,
    is_over: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(answers: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, is_over) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let connections = Arc::new(Mutex::new(Vec::new()));
        let answers: Arc<Mutex<Box<Answers>>> = Arc::new(Mutex::new(Box::new(answers)));
        let accepting = thread::spawn({
            let (requests, is_over) = (requests.clone(), Arc::clone(&is_over));
            let connections = Arc::clone(&connections);
            move || {
                for (number, stream) in listener.incoming().enumerate() {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    let stream = stream.unwrap();
                    connections
                        .lock()
                        .unwrap()
                        .push(stream.try_clone().unwrap());
                    let (requests, answers) = (requests.clone(), Arc::clone(&answers));
                    thread::spawn(move || serve(stream, number, &requests, &answers));
                }
            }
        });
        Server {
            url: format!("http://{address}/hook?a=b"),
            requests,
            address,
            is_over,
            connections,
            accepting: Some(accepting),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// One connection, until either side ends it.
fn serve(
    mut stream: TcpStream,
    connection: usize,
    requests: &Log<Request>,
    answers: &Mutex<Box<Answers>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read(&mut reader, connection) {
        requests.push(request.clone());
        let answer = (answers.lock().unwrap())(&request);
        match answer {
            Answer::Text(text) => {
                if stream.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
            Answer::HangUp => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Answer::Silence => {}
        }
    }
}

fn read(reader: &mut impl BufRead, connection: usize) -> Option<Request> {
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.into(), value.into())),
            None => break,
        }
    }
    let mut request = Request {
        line: line.trim_end().into(),
        headers,
        body: Vec::new(),
        connection,
    };
    let length = request.header("content-length")?.parse().ok()?;
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}
