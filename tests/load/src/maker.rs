//! Creates and destroys, one now and then after it ran.

use crate::{Done, Order, Tally, Work};
use abi::message::resource::ResourceRequest;
use arrayvec::ArrayVec;
use load::manager::{Manager, Trouble};
use rt::{Server, System};
use zerocopy::IntoBytes;

/// Most partitions that are there at once.
const AT_ONCE: usize = 8;
/// One of so many runs before it is destroyed.
const RUNS: u32 = 16;

/// The maker.
pub struct Maker {
    manager: Manager,
    leader: Server<Work>,
}

/// A job under way.
struct Job {
    manager: Manager,
    order: Order,
    tally: Tally,
    alive: ArrayVec<u32, AT_ONCE>,
    random: u32,
}

impl Maker {
    /// One that works for `leader`.
    pub fn new(system: &mut System, leader: Server<Work>) -> Self {
        Self { manager: Manager::of(system), leader }
    }

    /// Does all there is to do.
    pub fn serve(&self, system: &mut System) {
        while let Some(request) = self.leader.next(system) {
            let Some(order) = request.code().and(request.body::<Order>()) else {
                self.leader.answer(system, &request, Done::NotUnderstood, &[]);
                continue;
            };
            let (tally, alive, random) = (Tally::default(), ArrayVec::new(), order.seed);
            let mut job = Job { manager: self.manager, order, tally, alive, random };
            if let Err(trouble) = job.make(system) {
                job.tally.trouble = trouble.number();
            }
            self.leader.answer(system, &request, Done::Ok, job.tally.as_bytes());
        }
    }
}

impl Job {
    /// Creates or destroys, at random, until enough were created and none is left.
    fn make(&mut self, system: &mut System) -> Result<(), Trouble> {
        while self.tally.made < self.order.count {
            let full = self.alive.is_full();
            if full || !self.alive.is_empty() && self.chance(2) {
                self.destroy(system)?;
            } else {
                self.create(system)?;
            }
        }
        while !self.alive.is_empty() {
            self.destroy(system)?;
        }
        Ok(())
    }

    fn create(&mut self, system: &mut System) -> Result<(), Trouble> {
        match self.manager.create(system, self.order.like) {
            Ok(id) => {
                self.tally.made += 1;
                // There is room: it was looked for before.
                let _ = self.alive.try_push(id);
                if self.chance(RUNS) {
                    self.manager.act(system, ResourceRequest::Start, id)?;
                    self.tally.started += 1;
                }
                Ok(())
            }
            Err(trouble) if trouble.is_memory() => {
                self.tally.refused += 1;
                // Others have it all, or this one has: whatever is given back lets somebody get on.
                if self.alive.is_empty() { Ok(()) } else { self.destroy(system) }
            }
            Err(trouble) => Err(trouble),
        }
    }

    fn destroy(&mut self, system: &mut System) -> Result<(), Trouble> {
        let at = self.next() as usize % self.alive.len().max(1);
        let Some(id) = self.alive.swap_pop(at) else { return Ok(()) };
        self.manager.act(system, ResourceRequest::Destroy, id)
    }

    /// True one time in `of`.
    fn chance(&mut self, of: u32) -> bool {
        self.next().is_multiple_of(of)
    }

    /// The next random number (xorshift).
    fn next(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random >> 8
    }
}
