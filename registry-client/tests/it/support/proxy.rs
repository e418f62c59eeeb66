//! A proxy between a client and a real registry that changes bytes of the answers.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// The URL of a proxy that puts `replacement` in the place of every `original` in the registry's answers.
///
/// Both have the same length, so that everything else about the answers stays right.
pub fn tampering(registry: &str, original: impl AsRef<[u8]>, replacement: impl AsRef<[u8]>) -> String {
    let (original, replacement) = (original.as_ref().to_vec(), replacement.as_ref().to_vec());
    assert_eq!(original.len(), replacement.len());
    assert_ne!(original, replacement);
    rewriting(registry, move |answer| {
        for position in 0..answer.len().saturating_sub(original.len() - 1) {
            if answer[position..].starts_with(&original) {
                answer[position..position + original.len()].copy_from_slice(&replacement);
            }
        }
    })
}

/// The URL of a proxy that does anything to the registry's answers, headers included.
pub fn rewriting(registry: &str, rewrite: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> String {
    let registry = registry.trim_start_matches("http://").to_owned();
    answering(move |request| {
        let mut upstream = TcpStream::connect(&registry).unwrap();
        upstream.write_all(&plainly(request)).unwrap();
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer).unwrap();
        rewrite(&mut answer);
        answer
    })
}

/// The URL of a server that answers each request with these bytes.
pub fn answering(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut connection = connection.unwrap();
                let Some(request) = read_request(&mut connection) else { return };
                // A client that has read enough hangs up.
                let _ = connection.write_all(&answer(&request));
            });
        }
    });
    url
}

/// A complete request; nothing if the client closed the connection without one.
fn read_request(connection: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut part = [0; 65536];
    loop {
        let size = connection.read(&mut part).ok().filter(|size| *size > 0)?;
        request.extend_from_slice(&part[..size]);
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let body = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if request.len() >= end + 4 + body.unwrap_or(0) {
            return Some(request);
        }
    }
}

/// The same request for an answer that ends with its connection and is not compressed.
fn plainly(request: &[u8]) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let kept = head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("accept-encoding:"));
    let head: Vec<&str> = kept.chain(["connection: close"]).collect();
    [head.join("\r\n").as_bytes(), &request[end..]].concat()
}
