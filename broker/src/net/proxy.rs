//! The PROXY protocol, versions 1 and 2: what a load balancer says of the client in front of everything else. Only
//! whoever is trusted is listened to; from others it is no HTTP, and refused as that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header there is: of version 2, with everything that may stand behind the addresses.
pub const LONGEST: usize = 16 + 4096;

const V1: &[u8] = b"PROXY ";
/// Of version 1, its line's end included.
const V1_LONGEST: usize = 107;
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the beginning of a connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It may become one: more bytes tell.
    More,
    /// It is none.
    Nothing,
    /// So many bytes are one. None: the balancer speaks for itself, as when it looks whether we are there.
    Client { from: Option<SocketAddr>, bytes: usize },
}

/// It began as one and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHeader;

pub fn parse(bytes: &[u8]) -> Result<Said, BadHeader> {
    if begins(bytes, V2) {
        return version_2(bytes);
    }
    if begins(bytes, V1) {
        return version_1(bytes);
    }
    Ok(Said::Nothing)
}

/// As far as there are bytes.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let length = bytes.len().min(with.len());
    bytes[..length] == with[..length]
}

fn version_1(bytes: &[u8]) -> Result<Said, BadHeader> {
    let line = &bytes[..bytes.len().min(V1_LONGEST)];
    let Some(end) = line.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < V1_LONGEST { Ok(Said::More) } else { Err(BadHeader) };
    };
    let text = std::str::from_utf8(&line[V1.len()..end]).map_err(|_| BadHeader)?;
    let words: Vec<&str> = text.split(' ').collect();
    let from = match words.as_slice() {
        ["UNKNOWN", ..] => None,
        ["TCP4", from, to, port, to_port] => {
            to.parse::<Ipv4Addr>().map_err(|_| BadHeader)?;
            number(to_port)?;
            Some(SocketAddr::new(IpAddr::V4(from.parse().map_err(|_| BadHeader)?), number(port)?))
        }
        ["TCP6", from, to, port, to_port] => {
            to.parse::<Ipv6Addr>().map_err(|_| BadHeader)?;
            number(to_port)?;
            Some(SocketAddr::new(IpAddr::V6(from.parse().map_err(|_| BadHeader)?), number(port)?))
        }
        _ => return Err(BadHeader),
    };
    Ok(Said::Client { from, bytes: end + 2 })
}

fn number(text: &str) -> Result<u16, BadHeader> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain).ok_or(BadHeader)
}

fn version_2(bytes: &[u8]) -> Result<Said, BadHeader> {
    let Some((&[version, family, high, low], rest)) = bytes.get(V2.len()..).and_then(|rest| rest.split_first_chunk())
    else {
        return Ok(Said::More);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version >> 4 != 2 || V2.len() + 4 + length > LONGEST {
        return Err(BadHeader);
    }
    let Some(addresses) = rest.get(..length) else { return Ok(Said::More) };
    let from = match (version & 0xf, family) {
        // LOCAL: whatever stands in it is to be passed over.
        (0, _) => None,
        (1, 0x11) => {
            let parts = addresses.first_chunk::<12>().ok_or(BadHeader)?;
            let [a, b, c, d, .., port_high, port_low, _, _] = *parts;
            Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([port_high, port_low])))
        }
        (1, 0x21) => {
            let parts = addresses.first_chunk::<36>().ok_or(BadHeader)?;
            let mut from = [0; 16];
            from.copy_from_slice(&parts[..16]);
            Some(SocketAddr::new(Ipv6Addr::from(from).into(), u16::from_be_bytes([parts[32], parts[33]])))
        }
        // Something that we do not know the addresses of: the connection's own.
        (1, 0x00 | 0x12 | 0x22 | 0x31 | 0x32) => None,
        _ => return Err(BadHeader),
    };
    Ok(Said::Client { from, bytes: V2.len() + 4 + length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = (addresses.len() as u16).to_be_bytes();
        [V2, &[0x20 | command, family], &length, addresses].concat()
    }

    fn client(text: &str, bytes: usize) -> Result<Said, BadHeader> {
        Ok(Said::Client { from: Some(text.parse().unwrap()), bytes })
    }

    const FOUR: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x1f, 0x90, 0, 80];

    fn six() -> Vec<u8> {
        let ends = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].map(|address| address.octets());
        [&ends[0][..], &ends[1], &[0x1f, 0x90, 0, 80]].concat()
    }

    #[test]
    fn both_versions_name_the_client_and_leave_what_follows() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\nGET / HTTP/1.1\r\n";
        assert_eq!(parse(line), client("192.0.2.1:8080", 43));
        assert_eq!(parse(b"PROXY TCP6 ::1 :: 8080 80\r\n"), client("[::1]:8080", 27));
        let four = v2(1, 0x11, &FOUR);
        assert_eq!(parse(&[&four[..], b"GET /"].concat()), client("192.0.2.1:8080", 28));
        assert_eq!(parse(&v2(1, 0x21, &six())), client("[::1]:8080", 52));
        // What stands behind the addresses is passed over, and counted.
        assert_eq!(parse(&v2(1, 0x11, &[&FOUR[..], &[4, 0, 1, 9]].concat())), client("192.0.2.1:8080", 32));
    }

    #[test]
    fn a_balancer_that_looks_whether_we_are_there_speaks_for_itself() {
        let itself = |bytes| Ok(Said::Client { from: None, bytes });
        assert_eq!(parse(b"PROXY UNKNOWN\r\n"), itself(15));
        assert_eq!(parse(b"PROXY UNKNOWN ffff:: ffff:: 65535 65535\r\n"), itself(41));
        assert_eq!(parse(&v2(0, 0, &[])), itself(16));
        assert_eq!(parse(&v2(0, 0x11, &FOUR)), itself(28));
        assert_eq!(parse(&v2(1, 0x31, &[0; 216])), itself(232));
    }

    #[test]
    fn every_beginning_of_one_may_become_one() {
        for whole in
            [b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 80\r\n".to_vec(), v2(1, 0x11, &FOUR), v2(1, 0x21, &six())]
        {
            for cut in 0..whole.len() {
                assert_eq!(parse(&whole[..cut]), Ok(Said::More), "{cut} of {whole:?}");
            }
            assert!(matches!(parse(&whole), Ok(Said::Client { .. })));
        }
    }

    #[test]
    fn what_is_none_is_left_and_what_is_broken_is_refused() {
        for none in [&b"GET / HTTP/1.1\r\n"[..], b"PROXI", b"PROPFIND /", b"\r\nGET", b"\x16\x03\x01"] {
            assert_eq!(parse(none), Ok(Said::Nothing), "{none:?}");
        }
        let endless = [b"PROXY ".as_slice(), &[b'x'; 200]].concat();
        let bad = [
            &b"PROXY \r\n"[..],
            b"PROXY TCP5 192.0.2.1 198.51.100.2 8080 80\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 8080\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 8080 80 1\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.2 8080 80\r\n",
            b"PROXY TCP4 ::1 198.51.100.2 8080 80\r\n",
            b"PROXY TCP4 192.0.2.1 nowhere 8080 80\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 80\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 +1 80\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.2 080 80\r\n",
            b"PROXY  TCP4 192.0.2.1 198.51.100.2 8080 80\r\n",
            b"PROXY TCP4 192.0.2.1\x00 198.51.100.2 8080 80\r\n",
            b"PROXY \xff\xff\r\n",
            &endless,
            &v2(2, 0x11, &FOUR),
            &v2(1, 0x11, &FOUR[..11]),
            &v2(1, 0x21, &FOUR),
            &v2(1, 0x44, &FOUR),
            &v2(1, 0x11, &[0; 4097]),
        ];
        for bad in bad {
            assert_eq!(parse(bad), Err(BadHeader), "{bad:?}");
        }
        let mut other = v2(1, 0x11, &FOUR);
        other[12] = 0x11;
        assert_eq!(parse(&other), Err(BadHeader));
    }
}
