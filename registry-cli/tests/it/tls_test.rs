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

/// A proxy that ends TLS for `localhost` in front of a registry.
pub struct TlsProxy {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    /// Where clients reach it: `https://localhost:PORT`.
    pub url: String,
    /// The certificate of its authority as PEM.
    pub authority: String,
}

impl TlsProxy {
    /// Takes a port. Whoever connects waits until the registry is named.
    pub fn bind() -> Self {
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
        Self { listener, config: Arc::new(config), url, authority: authority.pem() }
    }

    /// Serves the registry at this URL.
    pub fn serve(self, registry: &str) {
        let registry = registry.trim_start_matches("http://").to_owned();
        thread::spawn(move || {
            for connection in self.listener.incoming() {
                let (config, registry) = (Arc::clone(&self.config), registry.clone());
                thread::spawn(move || forward(connection.unwrap(), config, &registry));
            }
        });
    }
}

/// A proxy in front of a registry: its URL, and the certificate of its authority as PEM.
fn tls_proxy(registry: &str) -> (String, String) {
    let proxy = TlsProxy::bind();
    let reached = (proxy.url.clone(), proxy.authority.clone());
    proxy.serve(registry);
    reached
}

/// Answers one request of a client; one that does not trust the certificate sends none.
fn forward(connection: TcpStream, config: Arc<ServerConfig>, registry: &str) -> Option<()> {
    let mut client = StreamOwned::new(ServerConnection::new(config).ok()?, connection);
    let request = read_request(&mut client)?;
    let mut upstream = TcpStream::connect(registry).ok()?;
    upstream.write_all(&request).ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).ok()?;
    client.write_all(&answer).ok()?;
    client.conn.send_close_notify();
    client.flush().ok()
}

/// A request whose body is as long as it says, told to be the last of its connection.
fn read_request(client: &mut impl Read) -> Option<Vec<u8>> {
    let (mut request, mut piece) = (Vec::new(), vec![0; 65536]);
    let head_size = loop {
        let size = client.read(&mut piece).ok().filter(|size| *size > 0)?;
        request.extend_from_slice(&piece[..size]);
        if let Some(end) = request.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..head_size]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut rest = vec![0; head_size + length - request.len()];
    client.read_exact(&mut rest).ok()?;
    request.extend(rest);
    let line = request.windows(2).position(|bytes| bytes == b"\r\n")?;
    request.splice(line..line, *b"\r\nconnection: close");
    Some(request)
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
