//! Versions of partitions: which could be next, what is in the way, and the note that the next start goes over to it.
//!
//! What a partition holds, its channels and its memory stay what the boot image says; another version brings another program and
//! nothing else. So no image that comes later can give anybody more.

use crate::beside::keeps_both;
use crate::editions::Edition;
use crate::manager::{Machine, Manager, SELF};
use crate::manifest::flags;
use crate::requests::Reply;
use crate::trouble::Trouble;
use abi::boot::LATER_IMAGES;
use abi::channel::{Role, Versions};
use abi::image::{Name, name_text};
use abi::manifest::{
    ManifestGrant, ManifestPartition, NO_PARTITION, PartitionFlags, PartitionRole,
};
use abi::message::resource::{Index, ResourceRequest, ResourceStatus};
use abi::message::upgrade::{Obstacle, UpgradeRecord};
use abi::types::PartitionId;
use boot_image::Program;
use program_loader::{Regions, Window};
use resource_db::{ChannelRow, Extent, Owner, PartitionRow};

/// Properties that give their holder something.
const AUTHORITY: PartitionFlags = PartitionFlags::BOOT_IMAGE
    .union(PartitionFlags::DEBUG)
    .union(PartitionFlags::CREATOR)
    .union(PartitionFlags::SELF)
    .union(PartitionFlags::TESTER)
    .union(PartitionFlags::REAPER);

/// What is in the way, and the partition that it is about.
type InTheWay = (Obstacle, u32);
const NOBODY: u32 = NO_PARTITION;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Answers what is asked about versions.
    ///
    /// # Errors
    /// `NoSuch`, and what the kernel or the books answer.
    pub fn versions(&mut self, request: ResourceRequest, asked: Index) -> Result<Reply, Trouble> {
        let id = PartitionId::new(asked.index);
        let done = match request {
            ResourceRequest::Versions => {
                let next = self.books.partitions_from(id).next().map(|(id, _)| id);
                let id = next.ok_or(ResourceStatus::NoSuch)?;
                return Ok(Reply::record(&self.upgrade_record(id)?));
            }
            ResourceRequest::Upgrade => self.upgrade(id)?,
            _ => self.go_back(id)?,
        };
        let mut record = self.upgrade_record(id)?;
        Ok(match done {
            Ok(()) => Reply::record(&record),
            Err((Obstacle::Memory, _)) => Reply::status(ResourceStatus::NoMemory),
            Err((obstacle, about)) => {
                (record.obstacle, record.about) = (obstacle as u32, about);
                Reply::with(ResourceStatus::WrongState, &record)
            }
        })
    }

    /// All there is to say of a partition's versions.
    fn upgrade_record(&self, id: PartitionId) -> Result<UpgradeRecord, Trouble> {
        let row = self.row(id)?;
        let (offered, obstacle) = self.offered(id, &row);
        let (obstacle, about) = obstacle.err().unwrap_or((Obstacle::None, NOBODY));
        let noted = |one: u16| one.checked_sub(1).map_or(0, |image| self.version_in(image, &row));
        let image = offered.and_then(|number| self.edition(number));
        Ok(UpgradeRecord {
            name: row.name,
            id: id.raw(),
            version: self.version_in(row.image, &row),
            waiting: noted(row.waiting),
            before: noted(row.before),
            offered: offered.map_or(0, |number| self.version_in(number, &row)),
            obstacle: obstacle as u32,
            about,
            reserved: 0,
            image: image.map_or(Name::default(), |edition| *edition.image.name()),
        })
    }

    /// The image with the lowest version above the one that runs, and what is in the way of that. Versions are gone through one after the
    /// other: only neighbours need speak a version of their channels in common. One that did not come up is left out.
    fn offered(&self, id: PartitionId, row: &PartitionRow) -> (Option<u16>, Result<(), InTheWay>) {
        let runs = self.version_in(row.image, row);
        let (mut next, mut refused, mut any) = (None, None, false);
        for number in 0..=LATER_IMAGES as u16 {
            let version = self.version_in(number, row);
            any |= number > 0 && version > 0;
            let place = if row.refused & 1 << number == 0 { &mut next } else { &mut refused };
            if version > runs && place.is_none_or(|(lowest, _)| version < lowest) {
                *place = Some((version, number));
            }
        }
        let number = next.or(refused).map(|(_, number)| number);
        let obstacle = match (next, refused, any) {
            (Some((_, number)), ..) => self.obstacle(id, row, number),
            (None, Some(_), _) => Err((Obstacle::Refused, NOBODY)),
            (None, None, true) => Err((Obstacle::NotNewer, NOBODY)),
            _ => Err((Obstacle::NoImage, NOBODY)),
        };
        (number, obstacle)
    }

    /// What is in the way of a partition's running the program of the image with this number.
    fn obstacle(&self, id: PartitionId, row: &PartitionRow, number: u16) -> Result<(), InTheWay> {
        let in_the_way = |obstacle| (obstacle, NOBODY);
        let definition = self.definition(row).map_err(|_| in_the_way(Obstacle::NoImage))?;
        if row.before != 0 {
            return Err(in_the_way(Obstacle::Trial));
        }
        if keeps_both(definition) {
            if !self.boot_sees_images() {
                return Err(in_the_way(Obstacle::Fixed));
            }
            // Each of them brings the other back, so the other must be one that has proved itself.
            if let Some(other) = self.between_versions(id) {
                return Err((Obstacle::Trial, other.raw()));
            }
        }
        let edition = self.edition(number).ok_or(in_the_way(Obstacle::NoImage))?;
        let there = edition.definition(&definition.name).ok_or(in_the_way(Obstacle::NoImage))?;
        fits(definition, there).map_err(in_the_way)?;
        self.hardware_fits(definition, &edition).map_err(in_the_way)?;
        self.program_fits(number, row, definition).map_err(in_the_way)?;
        self.channels_fit(id, number)
    }

    /// Whether an image gives a partition no hardware that the boot image does not.
    fn hardware_fits(
        &self,
        definition: &ManifestPartition,
        edition: &Edition<'_>,
    ) -> Result<(), Obstacle> {
        let place = |all: &[ManifestPartition]| {
            all.iter().position(|one| one.name == definition.name).unwrap_or(usize::MAX) as u32
        };
        let what = |grant: &ManifestGrant| (grant.kind, grant.base, grant.count, grant.name);
        let own = place(self.manifest.partitions);
        let has = |wanted: &ManifestGrant| {
            self.manifest.grants_of(own).any(|grant| what(grant) == what(wanted))
        };
        let there = place(edition.manifest.partitions);
        let fits = edition.manifest.grants_of(there).all(has);
        if fits { Ok(()) } else { Err(Obstacle::Hardware) }
    }

    /// Whether the program is good, and lies where the partition has page tables.
    fn program_fits(
        &self,
        number: u16,
        row: &PartitionRow,
        definition: &ManifestPartition,
    ) -> Result<(), Obstacle> {
        if keeps_both(definition) {
            let next = self.program_in(number, definition).map_err(|_| Obstacle::Program)?;
            let beside = self.lies_beside(row, &next);
            let fits = if beside { Obstacle::Program } else { Obstacle::Place };
            let room = beside && self.has_room_beside(definition, &next);
            return if room { Ok(()) } else { Err(fits) };
        }
        let made = self.program(definition).map_err(|_| Obstacle::Program)?;
        let next = self.program_in(number, definition).map_err(|_| Obstacle::Program)?;
        let mut tables = Regions::default();
        let add = |tables: &mut Regions, program: &Program<'_>| {
            program.segments().iter().all(|one| tables.add(one.address().raw(), one.pages()))
        };
        let there = add(&mut tables, &made);
        let count = tables.count();
        let fits = there && add(&mut tables, &next) && tables.count() == count;
        if fits { Ok(()) } else { Err(Obstacle::Program) }
    }

    /// Whether each channel of a partition is as it is in the image with this number, and its other end speaks a version that this one speaks
    /// there, whichever program that end may run soon.
    fn channels_fit(&self, id: PartitionId, number: u16) -> Result<(), InTheWay> {
        for (_, role, row) in self.books.ends_of(id, None) {
            let (now, next) = (self.channel_in(0, row), self.channel_in(number, row));
            let shape = |one: &abi::manifest::ManifestChannel| {
                (one.server_name, one.kind, one.ring_shift, one.data)
            };
            if next.is_none() || next.map(shape) != now.map(shape) {
                return Err((Obstacle::Channels, NOBODY));
            }
            let own = self.speaks(number, row, role);
            if !self.peer_speaks(row, role, own) {
                return Err((Obstacle::Versions, other(row, role)));
            }
        }
        Ok(())
    }

    /// Whether the other end speaks one of these versions, with each program that it runs, waits for or may go back to.
    fn peer_speaks(&self, row: &ChannelRow, role: Role, own: Versions) -> bool {
        let peer = self.books.partition(PartitionId::new(other(row, role)));
        let role = if role == Role::Client { Role::Server } else { Role::Client };
        let images = peer.map_or([1, 0, 0], |peer| [peer.image + 1, peer.waiting, peer.before]);
        let mut soon = images.into_iter().filter_map(|one| one.checked_sub(1));
        soon.all(|image| own.common(self.speaks(image, row, role)) != 0)
    }

    /// Notes that the next start goes over to the version that is offered, with memory for its program; what is noted already stays.
    ///
    /// # Errors
    /// Where there is no such partition, or the books or the kernel refuse.
    pub fn upgrade(&mut self, id: PartitionId) -> Result<Result<(), InTheWay>, Trouble> {
        let row = self.row(id)?;
        match self.offered(id, &row) {
            (Some(number), Ok(())) => self.note(id, number),
            (_, Err(in_the_way)) => Ok(Err(in_the_way)),
            (None, Ok(())) => Ok(Err((Obstacle::NoImage, NOBODY))),
        }
    }

    fn note(&mut self, id: PartitionId, number: u16) -> Result<Result<(), InTheWay>, Trouble> {
        if self.row(id)?.waiting == number + 1 {
            return Ok(Ok(()));
        }
        self.forget_upgrade(id)?;
        let mut row = self.row(id)?;
        if id == SELF && row.program.count == 0 {
            row.program = self.own_program(&row);
        }
        let pages = self.program_in(number, self.definition(&row)?)?.pages();
        let Ok(place) = self.place_near(&row, pages) else {
            return Ok(Err((Obstacle::Memory, NOBODY)));
        };
        self.books.begin();
        let Ok([spare]) = self.books.allocate_each([pages], place, Owner::Partition(id)) else {
            self.books.rollback();
            return Ok(Err((Obstacle::Memory, NOBODY)));
        };
        (row.waiting, row.spare) = (number + 1, spare);
        self.books.set_partition(id, &row)?;
        self.books.commit();
        if id == SELF {
            self.load_beside()?;
            self.tell(PartitionRole::Boot)?;
        }
        let (name, to) = (name_text(&row.name), self.version_in(number, &row));
        self.say(format_args!("{name} goes over to version {to} when it is started next"));
        Ok(Ok(()))
    }

    /// Takes a note back, and gives back the memory of a program that is not needed any more.
    ///
    /// # Errors
    /// What the kernel or the books answer.
    pub fn forget_upgrade(&mut self, id: PartitionId) -> Result<(), Trouble> {
        let row = self.row(id)?;
        if row.spare.count == 0 {
            return Ok(());
        }
        // First, so that nobody takes them for the program waiting after this.
        let row = if row.waiting == 0 { row } else { self.change(id, |row| row.waiting = 0)? };
        self.remove_beside(id)?;
        self.release(&[row.spare])?;
        self.books.begin();
        self.books.give(row.spare, Owner::Partition(id), Owner::Available)?;
        self.books.set_partition(id, &PartitionRow { spare: Extent::default(), ..row })?;
        self.books.commit();
        Ok(())
    }

    /// Goes back by hand: takes a note back, or notes that the next start goes back to the version before the one on trial, else to the
    /// highest version below.
    fn go_back(&mut self, id: PartitionId) -> Result<Result<(), InTheWay>, Trouble> {
        let row = self.row(id)?;
        if row.waiting != 0 {
            return self.forget_upgrade(id).map(Ok);
        }
        if row.before != 0 {
            self.give_up_trial(id)?;
            return if id == SELF { self.tell(PartitionRole::Boot).map(Ok) } else { Ok(Ok(())) };
        }
        let runs = self.version_in(row.image, &row);
        let below = (0..=LATER_IMAGES as u16).map(|number| (self.version_in(number, &row), number));
        let below = below.filter(|(version, _)| (1..runs).contains(version)).max();
        let Some((_, number)) = below else { return Ok(Err((Obstacle::NoImage, NOBODY))) };
        match self.obstacle(id, &row, number) {
            Ok(()) => self.note(id, number),
            in_the_way => Ok(in_the_way),
        }
    }
}

/// The partition at the other end.
fn other(row: &ChannelRow, role: Role) -> u32 {
    if role == Role::Client { row.server.partition } else { row.client.partition }
}

/// Whether a definition asks for nothing that the one of the boot image does not give.
fn fits(now: &ManifestPartition, next: &ManifestPartition) -> Result<(), Obstacle> {
    let authority = |one: &ManifestPartition| flags(one).intersection(AUTHORITY);
    let room = [
        (next.stack, now.stack),
        (next.heap, now.heap),
        (next.lasting, now.lasting),
        (next.contexts.into(), now.contexts.into()),
        (next.clients, now.clients),
    ];
    if next.role != now.role {
        Err(Obstacle::Role)
    } else if !authority(now).contains(authority(next)) {
        Err(Obstacle::Authority)
    } else if room.iter().any(|(next, now)| next > now) {
        Err(Obstacle::Room)
    } else {
        Ok(())
    }
}
