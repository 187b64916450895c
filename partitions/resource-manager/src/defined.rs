//! Makes what the manifest names, one partition after the other, for whoever holds the making: the boot partition, which makes what it
//! takes for a command partition and hands over; then that one, which decides about the rest; then nobody.
//!
//! Who holds it stands in the manager's own row. Every step may be asked for again: a manager that dies in the middle of one finds it
//! half made, takes it down, and its maker, whose question came to nothing, asks once more.

use crate::define::end;
use crate::given::VICTIMS;
use crate::make::sees_image;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::{flags, role};
use crate::requests::Reply;
use crate::resource_list::channel_resource;
use crate::run::unfinished;
use crate::trouble::Trouble;
use abi::channel::{ChannelKind, Role};
use abi::image::name_text;
use abi::information::StartReason;
use abi::manifest::{ManifestChannel, ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::{Index, Maker, ResourceStatus};
use abi::types::{ChannelId, EventBit, PartitionId};
use program_loader::Window;
use resource_db::{ChannelRow, PartitionRow, Stage};

/// What the manager's own row says is unfinished while somebody holds the making.
const MARKS: [(Maker, u16); 3] = [(Maker::Boot, 50), (Maker::Command, 51), (Maker::Nobody, 0)];

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Makes and starts those without whom nobody can ask: boot partition and idle. Where no boot partition can ask, everything is made.
    ///
    /// Until boot has its time in a plan nobody could bring the manager back: so long its rescuer is the kernel, which starts the machine
    /// anew. Nobody else has done anything then.
    ///
    /// # Errors
    /// Where not even the own pages can be written.
    pub fn found(&mut self) -> Result<(), Trouble> {
        let first = [PartitionRole::Boot, PartitionRole::Idle].map(|wanted| self.defined(wanted));
        first.into_iter().flatten().for_each(|id| self.make_or_tell(id));
        self.watch_processors()?;
        self.inform(SELF)?;
        first.into_iter().flatten().for_each(|id| self.start_or_tell(id));
        self.plan_anew();
        self.replan();
        if self.boot_can_ask() {
            self.set_maker(Maker::Boot)?
        } else {
            self.make_all()?
        }
        first[0].map_or(Ok(()), |boot| self.renew_rescue(boot))
    }

    /// Whether boot partition and idle are still to be made and started.
    #[must_use]
    pub fn is_founding(&self) -> bool {
        let founding = unfinished(StartReason::Boot);
        self.row(SELF).map_or(true, |row| row.starts == 0 || row.unfinished == founding)
    }

    /// Whether there is a boot partition that runs, knows the manifest and has a channel to ask on.
    fn boot_can_ask(&self) -> bool {
        let Some((id, row)) = self.made(PartitionRole::Boot) else { return false };
        let kind = ChannelKind::Boot as u16;
        let leads = |one: &&ManifestChannel| {
            (one.client, one.server, one.kind) == (id.raw(), SELF.raw(), kind)
        };
        let asks = self.manifest.channels.iter().any(|one| leads(&one));
        asks && row.starts > 0 && self.definition(&row).is_ok_and(sees_image)
    }

    /// Makes and starts everything of the manifest that is not yet: whoever would have asked for it never will.
    ///
    /// # Errors
    /// Where the own row cannot be written.
    pub fn make_all(&mut self) -> Result<(), Trouble> {
        let all = self.manifest.partitions.len().saturating_sub(1);
        let all = (1..).map(PartitionId::new).take(all);
        all.clone().for_each(|id| self.make_or_tell(id));
        all.for_each(|id| self.start_or_tell(id));
        self.set_maker(Maker::Nobody)
    }

    /// Makes everything where the one that ends for good was to ask for it.
    ///
    /// # Errors
    /// As [`Self::make_all`].
    pub fn make_in_place_of(&mut self, role: PartitionRole) -> Result<(), Trouble> {
        match (self.maker(), role) {
            (Maker::Boot, PartitionRole::Boot) | (Maker::Command, PartitionRole::Command) => {
                self.make_all()
            }
            _ => Ok(()),
        }
    }

    /// The first partition of the manifest with a role.
    fn defined(&self, wanted: PartitionRole) -> Option<PartitionId> {
        let with = |(_, one): &(u32, &ManifestPartition)| role(one) == wanted;
        let (index, _) = (0..).zip(self.manifest.partitions).find(with)?;
        Some(PartitionId::new(index))
    }

    /// Who is rung when boot stops: idle, or the manager where there is none.
    #[must_use]
    pub fn guard(&self) -> PartitionId {
        self.defined(PartitionRole::Idle).unwrap_or(SELF)
    }

    fn make_or_tell(&mut self, id: PartitionId) {
        // What went wrong was told.
        let _ = self.make_defined(id);
    }

    fn start_or_tell(&mut self, id: PartitionId) {
        let _ = self.start_defined(id);
    }

    /// Who holds the making.
    #[must_use]
    pub fn maker(&self) -> Maker {
        let mark = self.row(SELF).map_or(0, |row| row.unfinished);
        MARKS
            .into_iter()
            .find(|(_, other)| *other == mark)
            .map_or(Maker::Nobody, |(maker, _)| maker)
    }

    /// Says who holds the making.
    #[must_use]
    pub fn maker_record(&self) -> Reply {
        Reply::record(&Index { index: self.maker() as u32 })
    }

    fn set_maker(&mut self, next: Maker) -> Result<(), Trouble> {
        let mark = MARKS.into_iter().find(|(maker, _)| *maker == next).map_or(0, |(_, mark)| mark);
        self.change(SELF, |row| row.unfinished = mark)?;
        if next == Maker::Nobody {
            self.slots_due = true;
            self.tell_size();
        }
        Ok(())
    }

    fn tell_size(&mut self) {
        let made = self.books.partitions().filter(|(_, row)| row.stage() == Stage::Made);
        let (partitions, channels) = (made.count(), self.books.channels());
        let channels = channels.filter(|(_, row)| row.stage() == Stage::Made).count();
        let free = self.books.available() >> 8;
        self.say(format_args!("{partitions} partitions, {channels} channels, {free} MiB free"));
    }

    /// Hands the making over to the next: the command partition, if there is one that decides, then nobody.
    ///
    /// # Errors
    /// `WrongState` where nobody holds it.
    pub fn hand_over(&mut self) -> Result<(), Trouble> {
        let decides = |one: &&ManifestPartition| {
            role(one) == PartitionRole::Command && flags(one).contains(PartitionFlags::POLICY)
        };
        let there = self.manifest.partitions.iter().any(|one| decides(&one));
        let starts = self.made(PartitionRole::Command).map_or(0, |(_, row)| row.starts);
        match self.maker() {
            Maker::Boot if there && starts > 0 => self.set_maker(Maker::Command),
            // Who was to decide never can.
            Maker::Boot if there => self.make_all(),
            Maker::Boot | Maker::Command => self.set_maker(Maker::Nobody),
            Maker::Nobody => Err(ResourceStatus::WrongState.into()),
        }
    }

    /// A partition of the manifest, while somebody may make it.
    fn to_be_made(&self, index: Index) -> Result<PartitionId, Trouble> {
        if index.index as usize >= self.manifest.partitions.len() {
            return Err(ResourceStatus::NoSuch.into());
        }
        if self.maker() == Maker::Nobody {
            return Err(ResourceStatus::WrongState.into());
        }
        Ok(PartitionId::new(index.index))
    }

    /// As [`Self::make_defined`] for the maker.
    ///
    /// # Errors
    /// `WrongState` where nobody makes anything any more, `NoSuch` past the last.
    pub fn make_asked(&mut self, index: Index) -> Result<Reply, Trouble> {
        self.make_defined(self.to_be_made(index)?)?;
        Ok(Reply::status(ResourceStatus::Ok))
    }

    /// As [`Self::start_defined`] for the maker.
    ///
    /// # Errors
    /// As [`Self::make_asked`]; `WrongState` where it was started before, or is not to be.
    pub fn start_asked(&mut self, index: Index) -> Result<Reply, Trouble> {
        self.start_defined(self.to_be_made(index)?)?;
        Ok(Reply::status(ResourceStatus::Ok))
    }

    /// Makes a partition of the manifest, unless it is there, and its channels to all that are. What cannot be made is told and taken
    /// down again.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn make_defined(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if row.stage() == Stage::Making {
            // What a step before this one may have left.
            self.unmake(id)?;
            if let Err(trouble) = self.make(id) {
                self.say(format_args!("{} cannot be made: {trouble}", name_text(&row.name)));
                self.unmake(id)?;
                return Err(trouble);
            }
        }
        self.introduce(id)?;
        self.connect(id)
    }

    /// Those who rescue, watch or kill others get what leads to them, and others what leads to this one.
    fn introduce(&mut self, id: PartitionId) -> Result<(), Trouble> {
        self.renew_rescue(id)?;
        let role = role(self.definition(&self.row(id)?)?);
        if matches!(role, PartitionRole::Boot | PartitionRole::Idle) {
            self.renew_guard()?;
        }
        if VICTIMS.contains(&role) { self.renew_reaper() } else { Ok(()) }
    }

    /// Makes the channels of a partition to those who are there, and tells those of them that were started. One that cannot be made is
    /// told and left out.
    fn connect(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let mut after = None;
        while let Some((channel, role, row)) = self.next_channel(id, after) {
            after = Some(channel);
            let other = role.other();
            let peer = self.row(PartitionId::new(end(&row, other).partition))?;
            if self.is_creation_channel(channel) || peer.stage() != Stage::Made {
                continue;
            }
            if row.stage() == Stage::Making {
                self.unmake_channel(channel)?;
                if let Err(trouble) = self.make_channel(channel) {
                    self.say(format_args!("channel {} cannot be made: {trouble}", channel.raw()));
                    self.unmake_channel(channel)?;
                    continue;
                }
            }
            if peer.starts > 0 {
                self.tell_end(channel, other)?;
            }
        }
        Ok(())
    }

    fn is_creation_channel(&self, id: ChannelId) -> bool {
        id.raw() as usize >= self.manifest.channels.len()
    }

    /// Tells one end of a channel, which runs already, what it is now.
    fn tell_end(&mut self, id: ChannelId, role: Role) -> Result<(), Trouble> {
        let row: ChannelRow = self.channel_row(id)?;
        if role == Role::Server {
            return self.announce(id, &row);
        }
        let client = PartitionId::new(row.client.partition);
        self.inform_of(client, row.client.place, &channel_resource(id, &row, Role::Client))?;
        self.ring(client, EventBit::PEER);
        Ok(())
    }

    /// Starts a partition of the manifest for the first time.
    ///
    /// # Errors
    /// `WrongState` where it was started before, or is not to be started at boot; what the kernel answers.
    pub fn start_defined(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row: PartitionRow = self.row(id)?;
        let wanted = flags(self.definition(&row)?).contains(PartitionFlags::START);
        if row.starts > 0 || !wanted {
            return Err(ResourceStatus::WrongState.into());
        }
        self.start(id, StartReason::Boot).inspect_err(|trouble| {
            self.say(format_args!("{} cannot be started: {trouble}", name_text(&row.name)));
        })
    }
}
