//! Where webhooks may be sent: which URLs an endpoint may have, and which addresses belong to the public internet.
//!
//! Sources: chapter 07, 1.1; IANA's special-purpose address registries for IPv4 and IPv6, and the IPv6 global unicast
//! assignments, as of 2026-11.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Which hosts webhooks may go to. Host names are looked at at each delivery, when they are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Public ones only: an address of a private network is refused.
    Public,
    /// Any, the own machine included.
    Any,
}

impl Targets {
    /// `Any` if private targets are allowed.
    #[must_use]
    pub fn allowing_private(allowed: bool) -> Targets {
        if allowed { Targets::Any } else { Targets::Public }
    }

    /// Whether a connection may go to `address`.
    #[must_use]
    pub fn allow(self, address: IpAddr) -> bool {
        match self {
            Targets::Any => true,
            Targets::Public => is_public(address),
        }
    }
}

/// Whether `url` is an absolute `http` or `https` URL whose host may be a target.
#[must_use]
pub fn is_endpoint_url(url: &str, targets: Targets) -> bool {
    // The parser is lenient where it matters: it drops line breaks and adds slashes that are not there.
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_odd = |character: char| character.is_whitespace() || character.is_control() || character == '\\';
    if !is_web || url.contains(is_odd) || rest.starts_with(['/', '?', '#']) {
        return false;
    }
    match Url::parse(url).ok().as_ref().and_then(Url::host) {
        None => false,
        Some(Host::Domain(name)) => !name.is_empty(),
        Some(Host::Ipv4(address)) => targets.allow(address.into()),
        Some(Host::Ipv6(address)) => targets.allow(address.into()),
    }
}

/// Whether an address is one that anybody may reach: nothing local, private, shared, reserved or for many at once.
/// Addresses for documentation lead nowhere and are left alone: examples use them.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]      // this network, private, loopback, multicast, reserved, broadcast
        | [100, 64..=127, ..]               // shared by a provider's customers
        | [169, 254, ..]                    // link-local: where clouds keep their credentials
        | [172, 16..=31, ..]                // private
        | [192, 0, 0, _]                    // protocol assignments
        | [192, 88, 99, _]                  // relays of 6to4
        | [192, 168, ..]                    // private
        | [198, 18 | 19, ..] // benchmarks
    )
}

/// Of IPv6, only what is assigned as global unicast (2000::/3) is public, less what that part reserves; and an IPv4
/// address in the clothes of IPv6 (mapped, or behind a translator) is as public as itself. Compatible, unique local,
/// link-local, site-local and multicast addresses all lie outside.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(joined(high, low)),
        [0x2001, 0..=0x01ff, ..] => false, // protocol assignments: Teredo, benchmarks, ORCHID
        [0x2002, ..] => false,             // 6to4: carries any IPv4 address
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(addresses: &[&str], expected: bool) {
        for address in addresses {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn private_and_reserved_addresses_are_not_public() {
        let v4 = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ];
        let v6 = [
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:5ef5:79fd::1",
            "2001:20::1",
            "2002:7f00:1::",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
        ];
        check(&v4, false);
        check(&v6, false);
    }

    #[test]
    fn everything_else_is_public() {
        let v4 = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
        ];
        check(&v4, true);
        check(&["2001:200::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1", "64:ff9b::8.8.8.8"], true);
    }

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
        // Other spellings of 127.0.0.1.
        check("https://0x7f.1", false);
        check("https://2130706433", false);
        check("http://public@10.0.0.1/", false);
        check("http://10.0.0.1./", false);
    }
}
