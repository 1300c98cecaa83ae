//! How many connections each address has, over all shards: nobody gets more than the cap, however many come at once.

use foldhash::HashMap;
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Who has an IPv6 address has a network of them: 64 bits name the customer.
const IPV6_BITS: u32 = 64;

#[derive(Default)]
pub struct Addresses {
    /// 0: no cap, and nobody is counted.
    cap: AtomicU32,
    counts: Mutex<HashMap<u128, u32>>,
}

/// One connection of an address. It is counted until this is gone. Where nobody is counted it takes no more than a word.
pub struct Pass(Option<Box<(Arc<Addresses>, u128)>>);

impl Addresses {
    pub fn new(cap: u32) -> Arc<Addresses> {
        Arc::new(Addresses { cap: AtomicU32::new(cap), counts: Mutex::default() })
    }

    /// Those who are there stay; those who were not counted never are.
    pub fn set_cap(&self, cap: u32) {
        self.cap.store(cap, Ordering::Relaxed);
    }

    /// None: the address has as many as it may.
    pub fn enter(self: &Arc<Addresses>, address: IpAddr) -> Option<Pass> {
        let cap = self.cap.load(Ordering::Relaxed);
        if cap == 0 {
            return Some(Pass(None));
        }
        let key = key(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(key).or_insert(0);
        if *count >= cap {
            return None;
        }
        *count += 1;
        Some(Pass(Some(Box::new((self.clone(), key)))))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(counted) = self.0.take() else { return };
        let (addresses, key) = *counted;
        let mut counts = addresses.counts.lock();
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}

fn key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        // Below the first network that IPv6 gives to anybody.
        IpAddr::V4(four) => u128::from(four.to_bits()),
        IpAddr::V6(six) => six.to_bits() >> (128 - IPV6_BITS) << (128 - IPV6_BITS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_gets_as_many_as_it_may_and_gives_them_back() {
        let addresses = Addresses::new(2);
        let passes: Vec<_> = (0..2).map(|_| addresses.enter(address("192.0.2.1")).unwrap()).collect();
        assert!(addresses.enter(address("192.0.2.1")).is_none());
        assert!(addresses.enter(address("::ffff:192.0.2.1")).is_none(), "the same one over an IPv6 socket");
        assert!(addresses.enter(address("192.0.2.2")).is_some());
        drop(passes);
        assert!(addresses.counts.lock().is_empty(), "nothing is kept of those who are gone");
        assert!(addresses.enter(address("192.0.2.1")).is_some());
    }

    #[test]
    fn a_network_of_one_customer_counts_as_one() {
        let addresses = Addresses::new(1);
        let _pass = addresses.enter(address("2001:db8:0:1::1")).unwrap();
        assert!(addresses.enter(address("2001:db8:0:1:ffff::2")).is_none());
        assert!(addresses.enter(address("2001:db8:0:2::1")).is_some());
    }

    #[test]
    fn the_cap_holds_however_many_come_at_once() {
        let addresses = Addresses::new(10);
        let taken: usize = std::thread::scope(|scope| {
            let rush = |_| scope.spawn(|| (0..100).map(|_| addresses.enter(address("192.0.2.1"))).collect::<Vec<_>>());
            let rushes: Vec<_> = (0..5).map(rush).collect();
            let all: Vec<_> = rushes.into_iter().flat_map(|rush| rush.join().unwrap()).collect();
            all.iter().flatten().count()
        });
        assert_eq!(taken, 10);
    }

    #[test]
    fn without_a_cap_nobody_is_counted() {
        let addresses = Addresses::new(0);
        let pass = addresses.enter(address("192.0.2.1")).unwrap();
        addresses.set_cap(1);
        drop(pass);
        assert!(addresses.enter(address("192.0.2.1")).is_some());
        assert!(addresses.counts.lock().is_empty());
    }
}
