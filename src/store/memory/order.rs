//! The order in which records expire, by the second.
//!
//! A record knows where it stands among those of its second, so that it can be taken out without a search.

use std::collections::{BTreeMap, btree_map::Entry};

/// The cells of records, by the second of their expiry. Times are milliseconds since 1970.
#[derive(Default)]
pub(super) struct ExpiryOrder(BTreeMap<i64, Vec<u32>>);

fn second(expiry: i64) -> i64 {
    expiry.div_euclid(1000)
}

impl ExpiryOrder {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a cell. Returns its position.
    pub(super) fn add(&mut self, expiry: i64, cell: u32) -> u32 {
        let cells = self.0.entry(second(expiry)).or_default();
        cells.push(cell);
        u32::try_from(cells.len() - 1).unwrap_or(u32::MAX)
    }

    /// Takes out the cell at `position`. Returns the cell that has this position now.
    pub(super) fn take(&mut self, expiry: i64, position: u32) -> Option<u32> {
        let Entry::Occupied(mut cells) = self.0.entry(second(expiry)) else { return None };
        cells.get_mut().swap_remove(position as usize);
        if cells.get().is_empty() {
            cells.remove();
            return None;
        }
        cells.get().get(position as usize).copied()
    }

    /// A cell whose record expires first.
    pub(super) fn first(&self) -> Option<u32> {
        self.0.first_key_value()?.1.first().copied()
    }

    /// A cell whose record expired before the second of `now`.
    pub(super) fn expired(&self, now: i64) -> Option<u32> {
        let (oldest, cells) = self.0.first_key_value()?;
        cells.first().copied().filter(|_| *oldest < second(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_expire_comes_first_and_any_record_can_be_taken_out() {
        let mut order = ExpiryOrder::default();
        let positions: Vec<u32> =
            [(5_100, 0), (7_000, 1), (5_900, 2), (5_000, 3)].map(|(at, cell)| order.add(at, cell)).into();
        assert_eq!(positions, [0, 0, 1, 2]);
        assert_eq!((order.first(), order.expired(5_999), order.expired(6_000)), (Some(0), None, Some(0)));
        // The last one of the second moves to the free place.
        assert_eq!(order.take(5_100, 0), Some(3));
        assert_eq!(order.take(5_000, 0), Some(2));
        assert_eq!(order.take(5_900, 0), None);
        assert_eq!((order.first(), order.take(7_000, 0), order.is_empty()), (Some(1), None, true));
    }
}
