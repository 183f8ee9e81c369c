//! The value at a key: the stamps of the last writes, and the record.
//!
//! Every write has a unique stamp. The newest stamp shows whether anybody wrote since the record was read. The older ones
//! show whether a write whose answer was lost had arrived, even if others wrote after it.

/// The length of a stamp, in bytes. The same number stands in `swap.lua`.
pub(super) const STAMP: usize = 8;
/// How many writes a record remembers.
const REMEMBERED: usize = 16;
const HEADER: usize = STAMP * REMEMBERED;

pub(super) type Stamp = [u8; STAMP];

/// The value at a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StampedRecord {
    /// The newest first.
    stamps: Vec<Stamp>,
    body: Vec<u8>,
}

/// The outcome of a write that did not replace the current record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteStatus {
    /// It arrived earlier.
    Arrived,
    /// It never takes effect, because somebody wrote first.
    Beaten,
    /// Unknown: there were too many later writes, or the record was lost.
    Unclear,
}

impl StampedRecord {
    /// Parses a value. None if no gateway wrote it.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let (stamps, _) = header.as_chunks::<STAMP>();
        let stamps = stamps.iter().copied().take_while(|stamp| *stamp != [0; STAMP]).collect();
        Some(Self { stamps, body: body.to_vec() })
    }

    /// The record. None if it was removed.
    pub(super) fn body(&self) -> Option<&[u8]> {
        (!self.body.is_empty()).then_some(&*self.body)
    }

    /// The length of the record, in bytes.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// The length of the value, in bytes.
    pub(super) fn value_len(&self) -> usize {
        HEADER + self.body.len()
    }

    /// The stamp of the newest write. Empty if there was none.
    pub(super) fn newest(&self) -> &[u8] {
        self.stamps.first().map_or(&[], |stamp| stamp)
    }

    /// The value that replaces this one. An empty `body` removes the record.
    pub(super) fn replaced(&self, stamp: Stamp, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend([stamp].iter().chain(&self.stamps).take(REMEMBERED).flatten());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    /// The outcome of the write `stamp`, which should have replaced `expected`, if this is the current value.
    pub(super) fn status_of(&self, stamp: Stamp, expected: &Self) -> WriteStatus {
        let follows = match expected.stamps.first() {
            Some(expected) => self.stamps.contains(expected),
            // All stamps since the first write are there.
            None => (1..REMEMBERED).contains(&self.stamps.len()),
        };
        match (self.stamps.contains(&stamp), follows) {
            (true, _) => WriteStatus::Arrived,
            (false, true) => WriteStatus::Beaten,
            (false, false) => WriteStatus::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(n: u8) -> Stamp {
        [n; STAMP]
    }

    /// The record after the writes `stamps`, the oldest first.
    fn written(stamps: impl IntoIterator<Item = u8>) -> StampedRecord {
        stamps
            .into_iter()
            .fold(StampedRecord::default(), |record, n| StampedRecord::parse(&record.replaced(stamp(n), &[n])).unwrap())
    }

    #[test]
    fn a_value_parses_as_it_was_written() {
        let record = written([1, 2]);
        assert_eq!((record.body(), record.newest()), (Some(&[2][..]), &stamp(2)[..]));
        let removed = StampedRecord::parse(&record.replaced(stamp(3), &[])).unwrap();
        assert_eq!((removed.body(), removed.newest()), (None, &stamp(3)[..]));
        assert_eq!((StampedRecord::default().body(), StampedRecord::default().newest()), (None, &[][..]));
        assert_eq!(StampedRecord::parse(b"{\"not\": \"ours\"}"), None);
    }

    #[test]
    fn a_write_is_found_after_later_writes() {
        let (nothing, expected) = (StampedRecord::default(), written([1]));
        assert_eq!(written([1, 2]).status_of(stamp(2), &expected), WriteStatus::Arrived);
        assert_eq!(written([1, 2, 3, 4]).status_of(stamp(2), &expected), WriteStatus::Arrived);
        assert_eq!(written([2, 3]).status_of(stamp(2), &nothing), WriteStatus::Arrived);
    }

    #[test]
    fn a_write_counts_as_beaten_only_if_it_certainly_did_not_arrive() {
        let (nothing, expected) = (StampedRecord::default(), written([1]));
        assert_eq!(written([1, 3]).status_of(stamp(2), &expected), WriteStatus::Beaten);
        assert_eq!(written(3..18).status_of(stamp(2), &nothing), WriteStatus::Beaten);
        // So many later writes that its stamp may have been dropped.
        assert_eq!(written(1..18).status_of(stamp(20), &expected), WriteStatus::Unclear);
        assert_eq!(written(3..19).status_of(stamp(2), &nothing), WriteStatus::Unclear);
        // The record is gone.
        assert_eq!(nothing.status_of(stamp(2), &expected), WriteStatus::Unclear);
    }
}
