//! The budget of control frames. They cost the gateway work and carry no call, and `h2` takes any number of them.
//!
//! The frames are counted in the bytes that a connection reads, by their heads alone (RFC 9113 §4.1).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::preface::PREFACE;
use crate::{domain::LimitMode, telemetry::Metrics};

/// The control frames that one call may need: updates of windows, a PING for each piece of an answer, its reset.
const PER_CALL: u32 = 8;

/// The types of frames that have bounds of their own (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// A connection whose peer may send a bounded number of control frames in a second.
pub(super) struct ControlFrames<IO> {
    io: IO,
    heads: Heads,
    budget: Budget,
    metrics: Metrics,
}

impl<IO> ControlFrames<IO> {
    /// Counts the frames of `io`, which begins with the preface.
    pub(super) fn new(io: IO, per_second: u32, metrics: Metrics) -> Self {
        let budget = Budget { per_second, left: per_second, filled: Instant::now() };
        Self { io, heads: Heads { head: [0; 9], known: 0, skip: PREFACE.len() }, budget, metrics }
    }
}

/// Finds the heads of frames in pieces of any length.
struct Heads {
    head: [u8; 9],
    /// Bytes of `head` that are known.
    known: usize,
    /// Bytes up to the next head.
    skip: usize,
}

impl Heads {
    /// Calls `found` with the type of each frame whose head ends in `bytes`, as long as it returns true. Returns whether it
    /// always did.
    fn read(&mut self, mut bytes: &[u8], mut found: impl FnMut(u8) -> bool) -> bool {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return true;
            }
            let taken = (self.head.len() - self.known).min(bytes.len());
            self.head[self.known..][..taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &bytes[taken..];
            if self.known == self.head.len() {
                let [a, b, c, kind, ..] = self.head;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                self.known = 0;
                if !found(kind) {
                    return false;
                }
            }
        }
    }
}

struct Budget {
    per_second: u32,
    left: u32,
    /// When `left` was `per_second` the last time.
    filled: Instant,
}

impl Budget {
    /// Whether there is room for a frame of this type.
    fn take(&mut self, kind: u8) -> bool {
        match kind {
            DATA => return true,
            HEADERS => self.left = self.left.saturating_add(PER_CALL),
            _ => {
                // The clock is read only when the budget is used up.
                if self.left == 0 && self.filled.elapsed().as_secs() >= 1 {
                    (self.left, self.filled) = (self.per_second, Instant::now());
                }
                let Some(left) = self.left.checked_sub(1) else { return false };
                self.left = left;
            }
        }
        true
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for ControlFrames<IO> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let Self { io, heads, budget, metrics } = &mut *self;
        ready!(Pin::new(io).poll_read(context, into))?;
        if heads.read(&into.filled()[before..], |kind| budget.take(kind)) {
            return Poll::Ready(Ok(()));
        }
        metrics.limit_hit("grpc.max_control_frames", LimitMode::Enforce);
        Poll::Ready(Err(io::Error::other("the peer sends too many control frames")))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for ControlFrames<IO> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    const WINDOW_UPDATE: u8 = 8;

    #[test]
    fn heads_are_found_in_pieces_of_any_length() {
        let mut bytes = PREFACE.to_vec();
        for (kind, length) in [(4, 0), (1, 300), (0, 70_000), (8, 4), (6, 8)] {
            bytes.extend_from_slice(&u32::to_be_bytes(length)[1..]);
            bytes.extend_from_slice(&[kind, 0, 0, 0, 0, 1]);
            bytes.resize(bytes.len() + length as usize, 9);
        }
        for size in [1, 2, 8, 9, 10, 1000, bytes.len()] {
            let (mut heads, mut kinds) = (Heads { head: [0; 9], known: 0, skip: PREFACE.len() }, Vec::new());
            for piece in bytes.chunks(size) {
                assert!(heads.read(piece, |kind| {
                    kinds.push(kind);
                    true
                }));
            }
            assert_eq!(kinds, [4, 1, 0, 8, 6], "{size}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_is_for_a_second_and_calls_add_to_it() {
        let mut budget = Budget { per_second: 10, left: 10, filled: Instant::now() };
        let mut taken = || (0..100).take_while(|_| budget.take(WINDOW_UPDATE)).count();
        assert_eq!((taken(), taken()), (10, 0));
        advance(Duration::from_secs(1)).await;
        assert_eq!((taken(), taken()), (10, 0));
        assert!(budget.take(DATA) && budget.take(HEADERS));
        assert_eq!((0..100).take_while(|_| budget.take(WINDOW_UPDATE)).count(), PER_CALL as usize);
    }
}
