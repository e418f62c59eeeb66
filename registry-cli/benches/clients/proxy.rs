//! A proxy that writes down what is asked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes everything on, and keeps the method and the path of each request.
pub struct CountingProxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl CountingProxy {
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let seen = Arc::clone(&seen);
                // A client that ends closes its connections as it likes.
                thread::spawn(move || pass_on(client, server, &seen).ok());
            }
        });
        Self { address, requests }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked since the last time.
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn pass_on(client: TcpStream, server: SocketAddr, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut answers, mut answered) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut answers, &mut answered));
    let mut client = BufReader::new(client);
    while let Some(head) = read_head(&mut client)? {
        seen.lock().unwrap().push(request_line(&head));
        server.write_all(head.as_bytes())?;
        io::copy(&mut client.by_ref().take(body_size_bytes(&head)), &mut server)?;
    }
    server.shutdown(std::net::Shutdown::Write)
}

/// A request up to the empty line; nothing when the client is done.
fn read_head(client: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Method and path, with what names one upload or one content left out.
fn request_line(head: &str) -> String {
    let line = head.lines().next().unwrap();
    let (method, rest) = line.split_once(' ').unwrap();
    let path = rest.split([' ', '?']).next().unwrap();
    let (before, name) = path.rsplit_once('/').unwrap();
    let name = match before {
        before if before.ends_with("/blobs/uploads") && !name.is_empty() => "…",
        before if before.ends_with("/blobs") => "sha256:…",
        _ => name,
    };
    format!("{method} {before}/{name}")
}

fn body_size_bytes(head: &str) -> u64 {
    let head = head.to_ascii_lowercase();
    assert!(!head.contains("\r\ntransfer-encoding:"), "the proxy knows only bodies with a length");
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0)
}
