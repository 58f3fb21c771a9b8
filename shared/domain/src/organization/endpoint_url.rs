//! Where webhooks may be sent: the check of an endpoint's URL (chapter 07, 1.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which hosts webhooks may go to. Host names are looked at again at each delivery, when they are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Public ones only: an address of a private network is refused.
    Public,
    /// Any, the own machine included.
    Any,
}

/// Whether `url` is an absolute `http` or `https` URL whose host may be a target.
#[must_use]
pub fn is_endpoint_url(url: &str, targets: Targets) -> bool {
    let Some(authority) = authority(url) else { return false };
    let Some(host) = host(authority) else { return false };
    match (host, targets) {
        (Host::Address(address), Targets::Public) => !is_private(address),
        (Host::Address(_), Targets::Any) | (Host::Name, _) => true,
    }
}

enum Host {
    Name,
    Address(IpAddr),
}

/// What stands between the scheme and the path.
fn authority(url: &str) -> Option<&str> {
    if url.chars().any(|character| character.is_whitespace() || character.is_control() || character == '\\') {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    known.then(|| &rest[..end])
}

fn host(authority: &str) -> Option<Host> {
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    if let Some(rest) = place.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port(port).then_some(Host::Address(address.into()));
    }
    let at = place.find(':').unwrap_or(place.len());
    let (name, port) = place.split_at(at);
    if name.is_empty() || !is_port(port) {
        return None;
    }
    // A name that ends in a number is an address to everyone who resolves it: it must be one in plain notation, or
    // `0x7f.1` would pass as a name.
    if is_numeric(name.trim_end_matches('.').rsplit('.').next().unwrap_or_default()) {
        let address: Ipv4Addr = name.trim_end_matches('.').parse().ok()?;
        return Some(Host::Address(address.into()));
    }
    Some(Host::Name)
}

/// Nothing, or a colon with a port number.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').map_or(text.is_empty(), |port| port.is_empty() || port.parse::<u16>().is_ok())
}

fn is_numeric(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            // Mapped (`::ffff:10.0.0.1`) and compatible addresses, `::` and `::1` among them.
            Some(mapped) => is_private_v4(mapped) || address.is_loopback(),
            None => address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast(),
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let carrier_grade = first == 100 && (64..128).contains(&second);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || first == 0
        || carrier_grade
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_web_addresses_with_a_host() {
        let check = |url, expected| assert_eq!(is_endpoint_url(url, Targets::Any), expected, "{url}");
        check("https://example.com/hook?x=1", true);
        check("HTTP://example.com", true);
        check("http://user:secret@example.com:8080/", true);
        check("http://127.0.0.1:9000/hook", true);
        check("http://[::1]:80", true);
        check("ftp://example.com", false);
        check("example.com", false);
        check("https://", false);
        check("https:///path", false);
        check("https://example.com:99999", false);
        check("https://exa mple.com", false);
        check("https://0x7f.1", false);
        check("https://2130706433", false);
        check("", false);
    }

    #[test]
    fn private_addresses_are_no_public_targets() {
        let check = |url: &str, expected| assert_eq!(is_endpoint_url(url, Targets::Public), expected, "{url}");
        check("https://example.com", true);
        check("https://8.8.8.8", true);
        check("https://[2606:4700::1111]/", true);
        for private in
            ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"]
        {
            check(&format!("http://{private}/"), false);
        }
        for private in ["::1", "::", "fc00::1", "fe80::1", "::ffff:10.0.0.1"] {
            check(&format!("http://[{private}]/"), false);
        }
        check("http://public@10.0.0.1/", false);
        check("http://10.0.0.1./", false);
    }
}
