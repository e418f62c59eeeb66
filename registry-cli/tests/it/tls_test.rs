//! A registry behind TLS.

use crate::command::{assert_contains, published, registry, stderr, stdout};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// A proxy that ends TLS for `localhost` in front of a registry: its URL, and the certificate of its authority as PEM.
fn tls_proxy(registry: &str) -> (String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let (config, registry) = (Arc::new(config), registry.trim_start_matches("http://").to_owned());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (config, registry) = (Arc::clone(&config), registry.clone());
            thread::spawn(move || forward(connection.unwrap(), config, &registry));
        }
    });
    (url, authority.pem())
}

/// Answers one request of a client; one that does not trust the certificate sends none.
fn forward(connection: TcpStream, config: Arc<ServerConfig>, registry: &str) -> Option<()> {
    let mut client = StreamOwned::new(ServerConnection::new(config).ok()?, connection);
    let mut request = vec![0; 65536];
    let size = client.read(&mut request).ok()?;
    let head = String::from_utf8_lossy(&request[..size]).replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let mut upstream = TcpStream::connect(registry).ok()?;
    upstream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).ok()?;
    client.write_all(&answer).ok()?;
    client.conn.send_close_notify();
    client.flush().ok()
}

#[test]
fn a_registry_behind_tls_is_used_if_its_authority_is_trusted() {
    let (server, folder, hash) = published();
    let (url, authority) = tls_proxy(server.url());
    let file = folder.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    let mut command = registry();
    command.args(["--registry", &url, "verify", "test:main"]).env("SSL_CERT_FILE", &file).env("NO_PROXY", "*");
    assert_contains(&stdout(&command.assert().success()), &[&hash]);
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let (server, folder, _) = published();
    let ((url, _), (_, other)) = (tls_proxy(server.url()), tls_proxy(server.url()));
    let file = folder.path().join("authority.pem");
    fs::write(&file, other).unwrap();
    let mut command = registry();
    command.args(["--registry", &url, "show", "test:main"]).env("SSL_CERT_FILE", &file).env("NO_PROXY", "*");
    assert_contains(
        &stderr(&command.assert().code(1)),
        &["cannot reach", "certificate", "hint: this system does not accept"],
    );
}

#[test]
fn a_machine_without_certificates_can_use_http_only() {
    let (server, folder, hash) = published();
    let none = folder.path().join("none");
    let at = |url: &str| {
        let mut command = registry();
        command.args(["--registry", url, "show", "test:main"]).env("SSL_CERT_FILE", &none).env("SSL_CERT_DIR", &none);
        command.assert()
    };
    assert_contains(&stdout(&at(server.url()).success()), &[&hash]);
    let text = stderr(&at(&server.url().replace("http:", "https:")).code(1));
    assert_contains(&text, &["TLS cannot be set up", "hint: install", "ca-certificates"]);
}
