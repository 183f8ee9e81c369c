//! Whether the store can be used, and whether it keeps its records.

use std::collections::BTreeSet;

/// Whether the server of the store can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// It answers and takes writes.
    Up,
    /// It does not.
    Down,
}

/// Why the store may lose records, or has lost some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Risk {
    /// A server evicts records when it is full.
    Eviction,
    /// A server is full.
    Full,
    /// Records were lost less than a settle window ago.
    RecordsLost,
    /// A replica may take the place of a master without its last writes.
    Unreplicated,
    /// The clocks of the gateway and the store differ too much.
    ClockOffset,
}

impl Risk {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Eviction, Self::Full, Self::RecordsLost, Self::Unreplicated, Self::ClockOffset];

    /// The value of the metric label `risk`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Full => "full",
            Self::RecordsLost => "records_lost",
            Self::Unreplicated => "unreplicated",
            Self::ClockOffset => "clock_offset",
        }
    }

    /// What `degraded` of `/readyz` shows.
    #[must_use]
    pub const fn condition(self) -> &'static str {
        match self {
            Self::Eviction => "store_eviction",
            Self::Full => "store_full",
            Self::RecordsLost => "store_records_lost",
            Self::Unreplicated => "store_unreplicated",
            Self::ClockOffset => "store_clock_offset",
        }
    }

    /// The cause and its remedy, in words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Eviction => "it evicts records when it is full: set maxmemory-policy to noeviction",
            Self::Full => "it is full: give it more memory",
            Self::RecordsLost => "it has lost records",
            Self::Unreplicated => "a failover may lose the last writes: set min-replicas-to-write to 1 or more",
            Self::ClockOffset => "its clock and the clock of the gateway differ too much: synchronize both",
        }
    }

    /// Whether an operation may take effect twice while this lasts.
    #[must_use]
    pub const fn breaks_promises(self) -> bool {
        matches!(self, Self::Eviction | Self::Full | Self::RecordsLost)
    }
}

/// The state of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// Whether it can be used.
    pub connectivity: Connectivity,
    /// Why it may lose records.
    pub risks: BTreeSet<Risk>,
}
