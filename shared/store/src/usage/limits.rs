//! How large the parts of a log may become: what bounds an item, a fold, and the memory of whoever looks.
//!
//! None of these changes what is counted, but which of several copies it is may depend on what a fold or an epoch
//! holds: see the invariants of the log. The simulation makes them tiny, so that a history of a hundred events meets
//! every path that a log of a hundred million takes.

/// The sizes of everything in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most events of a chunk: their fingerprints must fit into a receipt.
    pub chunk_events: usize,
    /// Largest body of a chunk, bytes as stored, but for a single event that is larger itself.
    pub chunk_bytes: usize,
    /// Bytes of one log in one call from which on `append` asks whether the log has more partitions.
    pub burst_bytes: usize,
    /// Most chunks of one fold: bounds its memory and the head's list of what to remove.
    pub fold_chunks: usize,
    /// Most bytes of chunks of one fold.
    pub fold_bytes: usize,
    /// Most chunks of an epoch, which is folded whole.
    pub epoch_chunks: usize,
    /// Most bytes of chunks of an epoch, but for a single chunk that is larger itself.
    pub epoch_bytes: usize,
    /// Most chunks that are sealed at a time: the head names each, with about 20 bytes.
    pub sealed_chunks: usize,
    /// Most bytes of chunks that a closing looks at: it has all of them in memory.
    pub sealed_bytes: usize,
    /// Pages of an older definition that one fold makes anew.
    pub rebuilt_pages: usize,
    /// Events of a segment, about. Hours are not torn apart for it unless a single one has four times as many.
    pub segment_events: usize,
    /// Segments of one class of a page that become one series, at least 2.
    pub segment_peers: usize,
    /// Events of segments that a fold writes again beside its own, about; more if it has many itself.
    pub rewritten_events: u64,
    /// Pages that the head names itself.
    pub head_pages: usize,
    /// Pages of a shelf, about.
    pub shelf_pages: usize,
    /// Bytes, before compression, beyond which a page is split.
    pub page_bytes: usize,
    /// Largest page and largest summary, bytes as stored: digests that make it larger are left out.
    pub folded_bytes: usize,
    /// Bytes, before compression, of an item of a dictionary, about.
    pub dictionary_bytes: usize,
    /// Ids of a run's page, about: with their hours less than 4 KB, one read unit.
    pub run_page_ids: u64,
    /// Ids below which runs are of the first class, the smallest.
    pub small_run_ids: u64,
    /// Ids that a fold of few events writes again for merges of runs, about: 5 bytes each, written and, where they stood, removed.
    pub merged_ids: u64,
    /// Bytes a second of arriving chunks above which a log gets more partitions, each: a third of what one takes.
    pub shard_bytes_per_second: i64,
    /// Most partitions of a log's chunks.
    pub shards: u32,
}

impl Limits {
    /// What holds outside of tests.
    pub const PRODUCTION: Limits = Limits {
        chunk_events: 20_000,
        chunk_bytes: 300_000,
        burst_bytes: 64 * 1024,
        fold_chunks: 500,
        fold_bytes: 2_000_000,
        epoch_chunks: 500,
        epoch_bytes: 2_000_000,
        sealed_chunks: 8_000,
        sealed_bytes: 32_000_000,
        rebuilt_pages: 16,
        segment_events: 1_000,
        segment_peers: 8,
        rewritten_events: 16_000,
        head_pages: 512,
        shelf_pages: 256,
        page_bytes: 12 * 1024,
        folded_bytes: 300_000,
        dictionary_bytes: 32 * 1024,
        run_page_ids: 540,
        small_run_ids: 5_000,
        merged_ids: 32_000,
        shard_bytes_per_second: 300_000,
        shards: 16,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::PRODUCTION
    }
}

/// A log of an organization, as its readers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogName<'a> {
    /// Empty for events without one.
    pub external_subscription_id: &'a str,
    /// The metric's code.
    pub code: &'a str,
    /// The sizes of its parts.
    pub limits: &'a Limits,
}

impl<'a> From<(&'a str, &'a str)> for LogName<'a> {
    fn from((external_subscription_id, code): (&'a str, &'a str)) -> LogName<'a> {
        LogName { external_subscription_id, code, limits: &Limits::PRODUCTION }
    }
}
