//! Where the registry is, for answers that must name it.

use crate::app::App;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use std::net::{IpAddr, Ipv6Addr};

/// Bytes of a host and a port: the longest name in the DNS, a colon and five digits.
const AUTHORITY_SIZE_BYTES_MAX: usize = 253 + 6;

/// Where a client reaches the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The host and perhaps a port.
    pub(super) authority: String,
    /// The scheme as well, where it is known.
    pub(super) origin: Option<String>,
}

impl Place {
    /// What who runs the registry has said, or else what the client asks for. `None` if that is no host.
    ///
    /// What a client asks for is nothing to rely on, but the answer goes to nobody else. No header of a proxy is
    /// believed, because anybody can send one: whether TLS ends before this server is known only from who runs it.
    pub(super) fn of(app: &App, headers: &HeaderMap) -> Option<Self> {
        match app.public_url() {
            Some(url) => Some(Self { authority: url.authority().to_owned(), origin: Some(url.to_string()) }),
            None => Self::asked_for(headers),
        }
    }

    fn asked_for(headers: &HeaderMap) -> Option<Self> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let text = host.to_str().ok().filter(|text| text.len() <= AUTHORITY_SIZE_BYTES_MAX)?;
        let authority: Authority = text.parse().ok()?;
        let whole = match authority.port_u16() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_owned(),
        };
        // A user name, an empty port and whatever else an authority can have is no host.
        if whole != text || !is_host(authority.host()) {
            return None;
        }
        let origin = is_this_machine(authority.host()).then(|| format!("http://{whole}"));
        Some(Self { authority: whole, origin })
    }
}

fn is_host(host: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    in_brackets(host).is_some() || (!host.is_empty() && host.bytes().all(is_name))
}

/// Whether the name can only mean the machine that the client runs on: between it and the server is no proxy's TLS.
fn is_this_machine(host: &str) -> bool {
    let address = in_brackets(host).map(IpAddr::V6).or_else(|| host.parse().ok());
    host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback())
}

fn in_brackets(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Place;
    use axum::http::header::HOST;
    use axum::http::{HeaderMap, HeaderValue};

    fn asked_for(hosts: &[&'static str]) -> Option<Place> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, HeaderValue::from_static(host));
        }
        Place::asked_for(&headers)
    }

    #[test]
    fn a_host_header_is_a_host_or_nothing() {
        for host in ["registry.example.org", "registry.example.org:8443", "my_host", "192.0.2.1:80", "[2001:db8::1]:80"]
        {
            assert_eq!(asked_for(&[host]), Some(Place { authority: host.to_owned(), origin: None }));
        }
        for host in ["localhost:7878", "LocalHost", "127.0.0.1:1", "127.1.2.3", "[::1]:7878"] {
            let origin = Some(format!("http://{host}"));
            assert_eq!(asked_for(&[host]), Some(Place { authority: host.to_owned(), origin }));
        }
        for bad in [
            "",
            ":80",
            "a:",
            "a:b",
            "a:99999",
            "a:080",
            "me@a",
            "me:secret@a",
            "a/b",
            "a b",
            "a\"b",
            "a,b",
            "a?b",
            "a#b",
            "a%41",
            "[::1",
            "[::g]",
            "::1",
            "a;b",
            "a'b",
            "a(b)",
        ] {
            assert_eq!(asked_for(&[bad]), None, "{bad}");
        }
        assert_eq!(asked_for(&[]), None);
        assert_eq!(asked_for(&["a", "a"]), None, "which one a proxy looked at is not known");
    }
}
