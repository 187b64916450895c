//! What a debugger wants to see of a partition: registers, memory that is not zero, piece by piece, each piece of the same moment.

use crate::areas::{Areas, PIECE};
use crate::look::Lent;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::role;
use crate::requests::Reply;
use crate::run::contexts;
use crate::snapshot::Sheet;
use crate::trouble::Trouble;
use abi::control::{ContextOperation, ContextState};
use abi::fault::word;
use abi::manifest::PartitionRole;
use abi::message::core::{
    CORE_PAGE, CorePage, CoreQuery, CoreRegisters, CoreReply, CoreRun, CoreWhat,
};
use abi::message::database::TABLE_END;
use abi::message::resource::ResourceStatus;
use abi::types::{Frame, PAGE_SIZE, PartitionId, Slot, VirtualAddress};
use program_loader::{Calls, Window};
use resource_db::{OPEN_CORPSE, PartitionRow, Stage};

/// Steps of the kernel for one answer.
const STEPS: u32 = 8;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Whether what is asked for can be had; notes that memory is looked at.
    ///
    /// # Errors
    /// `WrongState` where the partition runs, `NoSuch` where nothing was kept of its last life, `Disagrees` where it is not what it was.
    pub fn core_asked(&mut self, query: CoreQuery) -> Result<CoreQuery, Trouble> {
        let id = PartitionId::new(query.partition);
        let row = self.row(id)?;
        let what = u16::try_from(query.what).ok().and_then(CoreWhat::from_code);
        let what = what.filter(|_| query.last < 2).ok_or(ResourceStatus::Malformed)?;
        if id == SELF {
            return Err(ResourceStatus::NotAllowed.into());
        }
        let corpse = query.last == 1;
        if corpse && row.corpse_life == 0 {
            return Err(ResourceStatus::NoSuch.into());
        }
        if !corpse && !self.stands_still(&row) {
            return Err(ResourceStatus::WrongState.into());
        }
        if corpse {
            self.note_opened(id, OPEN_CORPSE)?;
        } else if what != CoreWhat::Registers {
            let piece = u32::try_from(query.from / PIECE).unwrap_or(OPEN_CORPSE - 2);
            self.note_opened(id, piece.min(OPEN_CORPSE - 2) + 1)?;
        }
        Ok(query)
    }

    /// Answers in bulk.
    pub fn core(&mut self, query: &CoreQuery, mut sheet: Sheet<'_>) -> Reply {
        let answer = match query.last {
            0 => self.core_of_life(query, &mut sheet),
            _ => self.core_of_corpse(query, &mut sheet),
        };
        match answer {
            Ok(reply) if reply.count == 0 && reply.next == query.from => {
                // Without room for a single record nobody would ever come to the end.
                Reply::status(ResourceStatus::Limit)
            }
            Ok(reply) => Reply::record(&reply),
            Err(trouble) => Reply::trouble(trouble),
        }
    }

    /// Whether nothing of a partition runs, and nothing will before the manager has it so.
    fn stands_still(&mut self, row: &PartitionRow) -> bool {
        let still = [ContextState::Stopped, ContextState::Faulted, ContextState::Stranded];
        let there = row.stage() == Stage::Made && row.starts > 0;
        let ended = there && (!self.runs(row) || self.faulted_context(row).is_some());
        ended
            && contexts(row).all(|context| {
                let [state, ..] = self.state_of(context);
                still.iter().any(|one| *one as u64 == state)
            })
    }

    /// State and time used of a context.
    fn state_of(&mut self, context: Slot) -> [u64; 2] {
        let state = self.machine.patient(context, ContextOperation::State as u64, [0; 4]);
        state.map_or([u64::MAX, 0], |[state, _, used, _]| [state, used])
    }

    /// Another number as soon as a partition was started or ran.
    fn life_stamp(&mut self, row: &PartitionRow) -> u64 {
        let used = |sum: u64, context| sum.wrapping_add(self.state_of(context)[1]);
        let used = contexts(row).fold(0, used);
        row.started.rotate_left(32).wrapping_add(used).max(1)
    }

    fn core_of_life(
        &mut self,
        query: &CoreQuery,
        sheet: &mut Sheet<'_>,
    ) -> Result<CoreReply, Trouble> {
        let row = self.row(PartitionId::new(query.partition))?;
        let stamp = self.life_stamp(&row);
        if query.stamp != 0 && query.stamp != stamp {
            return Err(ResourceStatus::Disagrees.into());
        }
        let faulted = self.faulted_context(&row);
        let reason = faulted.map_or(0, |context| self.fault_word(context, word::REASON));
        let next = match query.what {
            0 => self.registers_from(&row, query.from, sheet),
            what => {
                // Boot's must be there whenever the manager dies: its emergency life has note and stack in it.
                let boot = self.definition(&row).is_ok_and(|one| role(one) == PartitionRole::Boot);
                let areas = self.areas(&row, !boot)?;
                let runs = what == u32::from(CoreWhat::Runs.code());
                self.memory_from(&row, &areas, (query.from, runs), sheet)?
            }
        };
        let (count, size) = sheet.written();
        let stopped = u32::from(faulted.is_some());
        let next = next.unwrap_or(TABLE_END);
        let life = row.starts;
        Ok(CoreReply { stamp, next, reason, life, count, size, stopped, missing: 0, reserved: 0 })
    }

    /// Registers of the contexts from a number on; where to go on.
    fn registers_from(
        &mut self,
        row: &PartitionRow,
        from: u64,
        sheet: &mut Sheet<'_>,
    ) -> Option<u64> {
        let all = (0..).zip(contexts(row)).skip(usize::try_from(from).unwrap_or(usize::MAX));
        for (number, context) in all {
            if !sheet.put(&self.registers(context)) {
                return Some(number);
            }
        }
        None
    }

    /// Registers of a context that stands still.
    pub fn registers(&mut self, context: Slot) -> CoreRegisters {
        let register = ContextOperation::Register as u64;
        let mut registers = [0; 18];
        for (index, value) in (0..).zip(&mut registers) {
            let answer = self.machine.patient(context, register, [index, 0, 0, 0]);
            *value = answer.map_or(0, |[value, ..]| value);
        }
        CoreRegisters { registers }
    }

    /// Runs of pages, or pages with contents, from a place on; where to go on.
    fn memory_from(
        &mut self,
        row: &PartitionRow,
        areas: &Areas,
        (from, runs): (u64, bool),
        sheet: &mut Sheet<'_>,
    ) -> Result<Option<u64>, Trouble> {
        let (mut place, piece) = (from, from / PIECE);
        let mut run = Run::default();
        for _ in 0..STEPS {
            let Some(area) = areas.step(place).filter(|_| place / PIECE == piece) else { break };
            let at = Some(VirtualAddress::new(area.address));
            let owner = Slot::new(row.partition_slot);
            let lent = Lent { owner, frame: Frame::new(area.frame), count: area.pages, at };
            let passed = self.look_into(lent, |this| {
                let mut full = |page: &u64| {
                    let address = area.address + page * PAGE_SIZE;
                    let filled = *page < area.contents || !is_zero(&this.window, *page);
                    let put = match runs {
                        true => run.add(address, filled, sheet),
                        false => !filled || sheet.put(&page_of(&this.window, *page, address)),
                    };
                    !put
                };
                Ok((0..area.pages).find(|page| full(page)))
            })?;
            place += passed.unwrap_or(area.pages);
            if passed.is_some() {
                // What is not told yet is told in the next answer.
                return Ok(Some(place - u64::from(run.0.pages)));
            }
        }
        let left = u64::from(run.0.pages);
        if !run.put(sheet) {
            return Ok(Some(place - left));
        }
        Ok(areas.step(place).map(|_| place))
    }
}

/// Whether a page in the window is zero.
pub fn is_zero(window: &impl Window, page: u64) -> bool {
    (0..PAGE_SIZE / 8).all(|word| window.load(page * PAGE_SIZE + word * 8) == 0)
}

/// A page in the window that lies at an address.
pub fn page_of(window: &impl Window, page: u64, address: u64) -> CorePage {
    let mut bytes = [0; CORE_PAGE];
    window.read(page * PAGE_SIZE, &mut bytes);
    CorePage { address, bytes }
}

/// Pages that follow each other and are alike, not told yet.
struct Run(CoreRun);

impl Default for Run {
    fn default() -> Self {
        Self(CoreRun { address: 0, pages: 0, filled: 0 })
    }
}

impl Run {
    /// One page more; false where what came before does not fit into the sheet.
    fn add(&mut self, address: u64, filled: bool, sheet: &mut Sheet<'_>) -> bool {
        let Self(run) = *self;
        let filled = u32::from(filled);
        let follows = address == run.address + u64::from(run.pages) * PAGE_SIZE;
        if run.pages > 0 && follows && run.filled == filled {
            self.0.pages += 1;
            return true;
        }
        let put = self.put(sheet);
        if put {
            self.0 = CoreRun { address, pages: 1, filled };
        }
        put
    }

    /// Tells it; false where it does not fit.
    fn put(&mut self, sheet: &mut Sheet<'_>) -> bool {
        let Self(run) = core::mem::take(self);
        let put = run.pages == 0 || sheet.put(&run);
        if !put {
            self.0 = run;
        }
        put
    }
}
