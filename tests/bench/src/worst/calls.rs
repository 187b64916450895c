//! The calls that are not `control`.

use super::{Worst, number};
use abi::call::Call;
use abi::types::{Nanoseconds, Slot};
use rt::sys;

/// Times that a call is tried: the slowest counts.
const TRIES: u64 = 64;

impl Worst {
    /// Every call that comes back at once, allowed and refused.
    pub fn calls(&mut self) {
        for _ in 0..TRIES {
            self.spans.time(["call", "Wait"], || sys::wait(u64::MAX, Nanoseconds::NOW)).ok();
            self.spans.time(["call", "Yield"], sys::yield_slot);
            self.spans.time(["call", "Debug"], || sys::debug(Slot::new(0), &[0; 32])).ok();
            for slot in [0, self.context, u64::MAX] {
                for call in [Call::Ring, Call::Call, Call::Port, Call::Inspect, Call::Control] {
                    self.raw("refused", call, [slot, u64::MAX, 0, u64::MAX, 0, 0]);
                }
            }
            self.raw("refused", Call::Exit, [u64::MAX; 6]);
            self.spans.time(["call", "unknown"], || sys::raw(u64::MAX, [u64::MAX; 6])).ok();
        }
        let debug = self.debug;
        self.raw("Debug", Call::Debug, [debug, 32, FILL, FILL, FILL, LAST]);
        // What does not fit at once is taken when the last piece has left.
        self.raw("Debug", Call::Debug, [debug, 32, FILL, FILL, FILL, LAST]);
    }

    /// An interrupt was served.
    pub fn acknowledge(&mut self) {
        let line = Slot::new(u16::try_from(self.line).unwrap_or(0));
        self.spans.time(["call", "Acknowledge"], || sys::acknowledge(line)).ok();
        debug_assert_eq!(number(line), self.line);
    }

    fn raw(&mut self, name: &'static str, call: Call, arguments: [u64; 6]) {
        self.spans.time(["call", name], || sys::raw(call as u64, arguments)).ok();
    }
}

/// Text for the debug port: blanks, and the end of a line.
const FILL: u64 = 0x2020_2020_2020_2020;
const LAST: u64 = 0x0a0d_2020_2020_2020;
