//! Where a call comes from.

use std::net::{IpAddr, SocketAddr};

use http::Request;

/// The proxies append the address of their peer to this header. A caller may send one too.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that `request` comes from: the peer of the connection, or if there are `proxies` before the gateway, the
/// peer of the outermost. Only the last entries of the header are the proxies' own.
pub(super) fn address<B>(request: &Request<B>, proxies: usize) -> Option<IpAddr> {
    let peer = request.extensions().get().copied();
    let Some(before) = proxies.checked_sub(1) else { return peer };
    let lines = request.headers().get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
    let mut addresses = lines.flat_map(|line| line.rsplit(',')).map(str::trim);
    addresses.nth(before).and_then(parse).or(peer)
}

/// An address, of which some proxies also write the port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().or_else(|_| text.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_entries_of_trusted_proxies_count() {
        const PEER: &str = "10.0.0.1";
        for (proxies, lines, expected) in [
            (0, &["203.0.113.9"][..], PEER),
            (1, &[], PEER),
            (1, &["203.0.113.9"], "203.0.113.9"),
            (1, &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (1, &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            (2, &["6.6.6.6, 203.0.113.9 ,10.0.0.2"], "203.0.113.9"),
            (2, &["6.6.6.6,203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            // Fewer than the proxies write: nobody knows who wrote the first one.
            (2, &["203.0.113.9"], PEER),
            (1, &["203.0.113.9:4711"], "203.0.113.9"),
            (1, &["[2001:db8::7]:4711"], "2001:db8::7"),
            (1, &["[2001:db8::7]"], "2001:db8::7"),
            (1, &["::ffff:203.0.113.9"], "203.0.113.9"),
            (1, &["6.6.6.6, unknown"], PEER),
        ] {
            let mut request = Request::new(());
            request.extensions_mut().insert(PEER.parse::<IpAddr>().unwrap());
            for line in lines {
                request.headers_mut().append(FORWARDED_FOR, line.parse().unwrap());
            }
            assert_eq!(address(&request, proxies), expected.parse().ok(), "{proxies} {lines:?}");
        }
    }
}
