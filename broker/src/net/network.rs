//! Addresses and networks, as `10.0.0.0/8` or `2001:db8::1`.

use std::fmt;
use std::net::IpAddr;

/// A network, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Its first address: nothing is set behind `bits`.
    address: IpAddr,
    bits: u8,
}

/// So many bits of the larger form come before an IPv4 address that is written in it.
const MAPPED_BITS: u8 = 96;

impl Network {
    /// None: it is neither, or its address has bits behind the network's.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok().filter(|bits| *bits <= most)?,
            Some(_) => return None,
        };
        let network = Network { address, bits };
        (network.first(address) == network.wide(address)).then_some(network)
    }

    /// A client of an IPv6 socket whose own address is an IPv4 one counts as that.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && self.first(address) == self.wide(self.address)
    }

    fn wide(self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(four) => u128::from(four.to_bits()),
            IpAddr::V6(six) => six.to_bits(),
        }
    }

    /// The network's first address, if `address` is in it.
    fn first(self, address: IpAddr) -> u128 {
        let bits = if self.address.is_ipv4() { self.bits + MAPPED_BITS } else { self.bits };
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) };
        self.wide(address) & mask
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == most { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.bits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1", "::1", "::2"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::ffff:128.0.0.1"),
        ] {
            let found = Network::parse(network).unwrap();
            assert_eq!(found.to_string(), network);
            assert!(found.contains(inside.parse().unwrap()), "{inside} in {network}");
            assert!(!found.contains(outside.parse().unwrap()), "{outside} in {network}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.1/8",
            "2001:db8::1/32",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "host",
            "/8",
        ] {
            assert_eq!(Network::parse(bad), None, "{bad:?}");
        }
    }
}
