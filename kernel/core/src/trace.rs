//! The trace: a ring of records, written by its processor.

use crate::processor::Cell;
use abi::trace::{TRACE_RECORDS, TraceKind, pack};
use abi::types::Nanoseconds;

/// A record: ticks, first argument, second argument, kind. Packed when it is read, for it is seldom read.
type Record = [Cell; 4];
const RECORDS: usize = 512;
const _: () = assert!(TRACE_RECORDS == 512);

/// A processor's last records.
#[repr(C)]
pub struct Trace {
    next: Cell,
    records: [Record; RECORDS],
}

impl Trace {
    /// Adds a record of what happened at `ticks`; a kind with one argument has no `second`.
    #[inline(always)]
    pub fn add(&self, ticks: u64, kind: TraceKind, first: u64, second: Option<u64>) {
        if let Some([time, what, more, number]) = self.place(self.next.get()) {
            time.set(ticks);
            what.set(first);
            let _ = second.map(|second| more.set(second));
            number.set(u64::from(kind.number()));
        }
        self.next.add(1);
    }

    /// Record `index` and the next index; zeros with the next index where it is not yet written, `None` where it is no longer kept.
    pub fn get(&self, index: u64, time_of: impl Fn(u64) -> Nanoseconds) -> Option<[u64; 4]> {
        let next = self.next.get();
        if index >= next {
            return Some([0, 0, 0, next]);
        }
        let kept = next.wrapping_sub(index) <= TRACE_RECORDS;
        let [time, what, more, kind] = self.place(index).filter(|_| kept)?;
        let [kind, ..] = kind.get().to_le_bytes();
        // With one argument it leaves there what was.
        let more = if kind == TraceKind::Switch.number() { 0 } else { more.get() };
        Some([time_of(time.get()).raw(), pack(kind, what.get()), more, next])
    }

    #[inline]
    fn place(&self, index: u64) -> Option<&Record> {
        self.records.get(usize::try_from(index % TRACE_RECORDS).ok()?)
    }
}
