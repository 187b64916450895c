//! Starts, stops and restarts partitions.

use crate::define::end;
use crate::given::given;
use crate::manager::{Machine, Manager, SCRATCH, SELF};
use crate::manifest::role;
use crate::pause::is_paused;
use crate::plans::has_places;
use crate::resource_list::channel_resource;
use crate::space::stack_top;
use crate::trouble::Trouble;
use abi::channel::{PARTED, Role};
use abi::control::{ContextOperation, InterruptOperation, first_slot};
use abi::image::name_text;
use abi::information::StartReason;
use abi::manifest::PartitionRole;
use abi::message::resource::{PartitionState, ResourceStatus};
use abi::rights::{Kind, Rights};
use abi::types::{ChannelId, EventBit, PartitionId, Slot};
use program_loader::{Calls, Target, Window};
use resource_db::{ChannelRow, PartitionRow, Stage};

/// A slot for the interrupt that is bound, beside [`SCRATCH`] for its doorbell.
pub const INTERRUPT: Slot = Slot::new(91);
/// A time that is always past.
pub const OVERDUE: u64 = 1;
const _: () = assert!(INTERRUPT.raw() != SCRATCH.raw() && INTERRUPT.raw() < first_slot::FREE.raw());

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Starts a partition that does not run, for the first time or anew with clean memory; by hand with a full budget of restarts.
    ///
    /// # Errors
    /// `WrongState` where it runs, `NotAllowed` where it is not in its zones; what the kernel answers.
    pub fn start(&mut self, id: PartitionId, reason: StartReason) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if id == SELF || row.stage() != Stage::Made || self.runs(&row) {
            return Err(ResourceStatus::WrongState.into());
        }
        self.check_zones(&row)?;
        self.finish_move(id)?;
        let row = self.go_over(id)?;
        let (again, placed) = (row.starts > 0, row.placed == 1 && !is_paused(&row));
        self.change(id, |row| row.unfinished = unfinished(reason))?;
        if again || row.loaded != row.image {
            self.keep_corpse(id);
            let row = self.settle_heap(id)?;
            self.clean(id, &row)?;
            self.clear_report(&row)?;
        }
        let now = self.machine.now();
        let definition = self.definition(&row)?;
        let full = (definition.restarts, definition.backoff);
        let started = |row: &mut PartitionRow| {
            if reason == StartReason::Started {
                (row.budget, row.backoff) = full;
            }
            row.starts = row.starts.saturating_add(1);
            row.state = PartitionState::Running as u32;
            row.start_reason = reason as u32;
            (row.started, row.stop_by, row.restart_at) = (now, 0, 0);
            (row.told, row.placed, row.up, row.opened) = (0, 1, 0, 0);
        };
        let row = match placed {
            true => self.change(id, started)?,
            false => self.change_placed(id, started)?,
        };
        let renewed = again || row.before != 0;
        self.refresh_channels(id, renewed)?;
        self.inform(id)?;
        self.configure(id, &row)?;
        if self.failed != 0 {
            // Until now its contexts may have been where nothing runs, and the kernel plans nobody who is elsewhere.
            self.stale_plans |= self.processors_of(id, &row) & !self.failed;
        }
        self.bind_interrupts(&row)?;
        for context in contexts(&row) {
            self.machine.patient(context, ContextOperation::Start as u64, [0; 4])?;
        }
        if renewed {
            self.tell_peers(id);
            self.tell_again(id);
        }
        let row = self.change(id, |row| row.unfinished = 0)?;
        self.drop_spare(id, &row)
    }

    /// Stops a partition at once. One that does not run is left as it is.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn kill(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if id == SELF {
            return Err(ResourceStatus::NotAllowed.into());
        }
        // Were the manager to die between these steps, it would find a stop that is overdue.
        self.change(id, |row| (row.stop_by, row.unfinished) = (OVERDUE, 0))?;
        self.stop_contexts(&row)?;
        let keeps = self.keeps_slots(&row);
        let stopped = |row: &mut PartitionRow| {
            row.state = PartitionState::Stopped as u32;
            (row.stop_by, row.restart_at, row.told) = (0, 0, 1);
            // Its slots are others' at once; its memory stays until it is destroyed.
            row.placed = u32::from(keeps);
        };
        match has_places(&row) == keeps {
            true => self.change(id, stopped)?,
            false => self.change_placed(id, stopped)?,
        };
        Ok(())
    }

    /// Stops a partition and starts it with clean memory.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn restart(&mut self, id: PartitionId, reason: StartReason) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if id == SELF {
            return Err(ResourceStatus::NotAllowed.into());
        }
        self.change(id, |row| row.unfinished = unfinished(reason))?;
        self.stop_contexts(&row)?;
        let stopped = |row: &mut PartitionRow| row.state = PartitionState::Stopped as u32;
        match is_paused(&row) {
            true => self.change_placed(id, stopped)?,
            false => self.change(id, stopped)?,
        };
        self.start(id, reason)
    }

    /// Whether a partition was started and not stopped since, as the books say.
    #[must_use]
    pub fn runs(&self, row: &PartitionRow) -> bool {
        let running = [PartitionState::Running as u32, PartitionState::Stopping as u32];
        running.contains(&row.state)
    }

    /// Stops every context.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn stop_contexts(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        for context in contexts(row) {
            match self.machine.patient(context, ContextOperation::Stop as u64, [0; 4]) {
                // One that has stopped already needs no stopping.
                Err(refusal) if refusal.error == abi::call::Error::WrongState => {}
                answer => {
                    answer?;
                }
            }
        }
        Ok(())
    }

    /// Makes the doorbells to a stopped partition stale and gives it clean memory; what lasts stays.
    fn clean(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let definition = self.definition(row)?;
        let program = self.program_of(row)?;
        self.stop_contexts(row)?;
        // Boot stays in its generation: were the manager to die here, idle's capability to start boot must hold. A doorbell of
        // boot's last life rings the next one, which looks and finds nothing.
        if role(definition) != PartitionRole::Boot {
            for context in contexts(row) {
                self.machine.patient(context, ContextOperation::Renew as u64, [0; 4])?;
            }
        }
        let partition = Slot::new(row.partition_slot);
        let target = Target { partition, frames: row.program.start };
        if row.loaded == row.image {
            self.loader().reload(&program, target)?;
        } else {
            self.exchange(id, row, definition)?;
        }
        self.clean_memory(row, definition)?;
        self.give_capabilities(row, definition)?;
        // Whom it rescues must ring the renewed context.
        self.renew_rescue(id)?;
        match role(definition) {
            PartitionRole::Ordinary => return Ok(()),
            // Whoever is rung for a processor that failed.
            PartitionRole::Idle => self.watch_processors()?,
            _ => {}
        }
        self.renew_reaper()
    }

    /// Fresh doorbells at both ends of all channels of a partition, and a new epoch where it was started before.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn refresh_channels(&mut self, id: PartitionId, again: bool) -> Result<(), Trouble> {
        if !again {
            return Ok(());
        }
        let mut after = None;
        while let Some((channel, row)) = self.made_channel(id, after) {
            self.give_doorbell(&row, Role::Client)?;
            self.give_doorbell(&row, Role::Server)?;
            let epoch = Some(row.epoch.wrapping_add(1)).filter(|&epoch| epoch != PARTED);
            let (epoch, version) = (epoch.unwrap_or(0).max(1), self.common_version(&row));
            self.set_channel(channel, ChannelRow { epoch, version, ..row })?;
            if version == 0 {
                let name = name_text(&row.client.name);
                self.say(format_args!("both ends of channel {name} speak no version in common"));
            }
            after = Some(channel);
        }
        Ok(())
    }

    /// Tells the other ends of a partition's channels of the new epoch.
    pub fn tell_peers(&mut self, id: PartitionId) {
        let mut after = None;
        while let Some((channel, row)) = self.made_channel(id, after) {
            let role = if row.client.partition == id.raw() { Role::Server } else { Role::Client };
            let (end, resource) = (*end(&row, role), channel_resource(channel, &row, role));
            let peer = PartitionId::new(end.partition);
            // A peer that cannot be told is dead itself and reads its pages when it is started.
            if self.inform_of(peer, end.place, &resource).is_ok() {
                self.ring(peer, EventBit::PEER);
            }
            after = Some(channel);
        }
    }

    /// The channel behind `after`, or the first, of those of a partition that are made.
    fn made_channel(
        &self,
        id: PartitionId,
        after: Option<ChannelId>,
    ) -> Option<(ChannelId, ChannelRow)> {
        let mut channels = self.books.ends_of(id, after);
        let made = channels.find(|(_, _, row)| row.stage() == Stage::Made);
        made.map(|(channel, _, row)| (channel, *row))
    }

    /// Lets the granted interrupt lines ring the partition.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn bind_interrupts(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let definition = self.definition(row)?;
        let own = first_slot::PARTITION;
        let context = Slot::new(row.context_slot);
        let lines = given(&self.manifest, row.hardware, definition)
            .filter(|given| given.kind() == Kind::Interrupt);
        for (event, line) in (0..).zip(lines) {
            let crate::given::Given::Grant(grant) = line else { continue };
            let line = self.facts.line(grant);
            self.machine.put(own, SCRATCH, context, Rights::USE, Kind::Doorbell, event)?;
            let source = first_slot::INTERRUPT;
            self.machine.put(own, INTERRUPT, source, Rights::all(), Kind::Interrupt, line)?;
            let arguments = [SCRATCH.raw().into(), 0, 0, 0];
            self.machine.patient(INTERRUPT, InterruptOperation::Bind as u64, arguments)?;
        }
        self.note_bound(row)
    }

    /// Sets every context to the program's entry, on its processor.
    fn configure(&mut self, id: PartitionId, row: &PartitionRow) -> Result<(), Trouble> {
        let definition = self.definition(row)?;
        let entry = self.program_of(row)?.entry();
        let want = self.want(id, row, definition);
        for (index, context) in (0..).zip(contexts(row)) {
            let processor = want.processor_of(index, self.facts.processors);
            let stack = stack_top(index.into());
            let arguments = [entry.raw(), stack, processor.raw().into(), index.into()];
            self.machine.patient(context, ContextOperation::Configure as u64, arguments)?;
        }
        Ok(())
    }
}

/// What a row says while a start for this reason is under way.
#[must_use]
pub const fn unfinished(reason: StartReason) -> u16 {
    1 + reason as u16
}

/// Own slots of a partition's contexts.
pub fn contexts(row: &PartitionRow) -> impl Iterator<Item = Slot> + use<> {
    let (first, count) = (row.context_slot, row.contexts as u16);
    (first..first.saturating_add(count)).map(Slot::new)
}
