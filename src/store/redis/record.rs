//! What stands at a key: the stamps of the last writes, and the record.
//!
//! Every write has a stamp of its own. The first one of a record tells whether anybody wrote since it was read; those
//! after it tell whether a write whose answer was lost has arrived, also where others have written since.

/// The length of a stamp, in bytes. The script knows it too.
pub(super) const STAMP: usize = 8;
/// How many writes a record remembers.
const REMEMBERED: usize = 16;
const HEADER: usize = STAMP * REMEMBERED;

/// The stamp of a write. Two of one record's last writes do not have the same one.
pub(super) type Stamp = [u8; STAMP];

/// What stands at a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The newest first.
    stamps: Vec<Stamp>,
    body: Vec<u8>,
}

/// What an answer says of a write that did not replace the record now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has arrived before.
    Arrived,
    /// It has not, and never will: somebody came first.
    Beaten,
    /// It can't be told: too much has been written since, or the record was lost.
    Unclear,
}

impl Record {
    /// Takes apart what stands at a key. Nothing for what no version of this has written.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let (stamps, _) = header.as_chunks::<STAMP>();
        let stamps = stamps.iter().copied().take_while(|stamp| *stamp != [0; STAMP]).collect();
        Some(Self { stamps, body: body.to_vec() })
    }

    /// The record itself; nothing where it was removed.
    pub(super) fn body(&self) -> Option<&[u8]> {
        (!self.body.is_empty()).then_some(&*self.body)
    }

    /// The stamp of the newest write, empty where there was none.
    pub(super) fn newest(&self) -> &[u8] {
        self.stamps.first().map_or(&[], |stamp| stamp)
    }

    /// What to write in place of this one; an empty `body` removes it.
    pub(super) fn replaced(&self, stamp: Stamp, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        bytes.extend([stamp].iter().chain(&self.stamps).take(REMEMBERED).flatten());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    /// What became of the write `stamp`, which was to replace `expected`, where this is what stands there now.
    pub(super) fn verdict(&self, stamp: Stamp, expected: &Self) -> Verdict {
        let follows = match expected.stamps.first() {
            Some(expected) => self.stamps.contains(expected),
            // All that was ever written is remembered.
            None => (1..REMEMBERED).contains(&self.stamps.len()),
        };
        match (self.stamps.contains(&stamp), follows) {
            (true, _) => Verdict::Arrived,
            (false, true) => Verdict::Beaten,
            (false, false) => Verdict::Unclear,
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
    fn written(stamps: impl IntoIterator<Item = u8>) -> Record {
        stamps.into_iter().fold(Record::default(), |record, n| Record::read(&record.replaced(stamp(n), &[n])).unwrap())
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = written([1, 2]);
        assert_eq!((record.body(), record.newest()), (Some(&[2][..]), &stamp(2)[..]));
        let removed = Record::read(&record.replaced(stamp(3), &[])).unwrap();
        assert_eq!((removed.body(), removed.newest()), (None, &stamp(3)[..]));
        assert_eq!((Record::default().body(), Record::default().newest()), (None, &[][..]));
        assert_eq!(Record::read(b"{\"not\": \"ours\"}"), None);
    }

    #[test]
    fn a_write_is_found_also_when_others_have_written_since() {
        let (nothing, expected) = (Record::default(), written([1]));
        assert_eq!(written([1, 2]).verdict(stamp(2), &expected), Verdict::Arrived);
        assert_eq!(written([1, 2, 3, 4]).verdict(stamp(2), &expected), Verdict::Arrived);
        assert_eq!(written([2, 3]).verdict(stamp(2), &nothing), Verdict::Arrived);
    }

    #[test]
    fn a_write_is_given_up_only_where_it_certainly_has_not_arrived() {
        let (nothing, expected) = (Record::default(), written([1]));
        assert_eq!(written([1, 3]).verdict(stamp(2), &expected), Verdict::Beaten);
        assert_eq!(written(3..18).verdict(stamp(2), &nothing), Verdict::Beaten);
        // So many writes since that it may be one of those that are forgotten.
        assert_eq!(written(1..18).verdict(stamp(20), &expected), Verdict::Unclear);
        assert_eq!(written(3..19).verdict(stamp(2), &nothing), Verdict::Unclear);
        // The record is gone.
        assert_eq!(nothing.verdict(stamp(2), &expected), Verdict::Unclear);
    }
}
