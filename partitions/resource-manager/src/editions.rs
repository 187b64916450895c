//! The images that programs come from: the one that was booted, and those beside it, which hold later versions.

use crate::manager::{Machine, Manager};
use crate::manifest::Manifest;
use crate::trouble::Trouble;
use abi::boot::LATER_IMAGES;
use abi::channel::{Role, Versions};
use abi::image::Name;
use abi::manifest::{ManifestChannel, ManifestPartition};
use abi::message::resource::ResourceStatus;
use abi::types::PartitionId;
use boot_image::{Image, Program, Window as Addresses};
use program_loader::Window;
use resource_db::{ChannelRow, PartitionRow};

/// An image and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Edition<'m> {
    /// The image.
    pub image: Image<'m>,
    /// Its manifest.
    pub manifest: Manifest<'m>,
}

/// The images beside the boot image, each at its number less one.
pub type Later<'m> = [Option<Edition<'m>>; LATER_IMAGES];

impl<'m> Edition<'m> {
    /// What it says of the partition with this name.
    #[must_use]
    pub fn definition(&self, name: &Name) -> Option<&'m ManifestPartition> {
        self.manifest.partitions.iter().find(|one| one.name == *name)
    }

    /// What it says of the channel that the client `client` calls `name` and that leads to `server`.
    #[must_use]
    pub fn channel(
        &self,
        client: &Name,
        server: &Name,
        name: &Name,
    ) -> Option<&'m ManifestChannel> {
        let called = |index: u32, wanted: &Name| {
            self.manifest.partitions.get(index as usize).is_some_and(|one| one.name == *wanted)
        };
        let like = |one: &&ManifestChannel| {
            one.client_name == *name && called(one.client, client) && called(one.server, server)
        };
        self.manifest.channels.iter().find(like)
    }
}

impl<'m, M: Machine, W: Window> Manager<'m, M, W> {
    /// The image with this number: 0 the boot image.
    #[must_use]
    pub fn edition(&self, number: u16) -> Option<Edition<'m>> {
        match usize::from(number).checked_sub(1) {
            None => Some(Edition { image: self.image, manifest: self.manifest }),
            Some(later) => self.later.get(later).copied().flatten(),
        }
    }

    /// The program of a partition in the image with this number.
    ///
    /// # Errors
    /// Where it is not in the image or bad.
    pub fn program_in(
        &self,
        number: u16,
        definition: &ManifestPartition,
    ) -> Result<Program<'m>, Trouble> {
        let edition = self.edition(number).ok_or(ResourceStatus::BadProgram)?;
        let there = edition.definition(&definition.name).ok_or(ResourceStatus::BadProgram)?;
        let file = edition.image.program(&there.program).ok_or(ResourceStatus::BadProgram)?;
        Program::parse(file, Addresses::PARTITION).map_err(|_| ResourceStatus::BadProgram.into())
    }

    /// The program that a partition runs.
    ///
    /// # Errors
    /// As [`Self::program_in`].
    pub fn program_of(&self, row: &PartitionRow) -> Result<Program<'m>, Trouble> {
        self.program_in(row.image, self.definition(row)?)
    }

    /// The version of a partition in the image with this number, 0 for none.
    #[must_use]
    pub fn version_in(&self, number: u16, row: &PartitionRow) -> u32 {
        let name = self.definition(row).map(|definition| definition.name).unwrap_or_default();
        let there = self.edition(number).and_then(|edition| edition.definition(&name));
        there.map_or(0, |definition| definition.version)
    }

    /// What the image with this number says of a channel of the books.
    #[must_use]
    pub fn channel_in(&self, number: u16, row: &ChannelRow) -> Option<&'m ManifestChannel> {
        let named = |partition: u32| {
            let row = self.books.partition(PartitionId::new(partition))?;
            Some(self.definition(row).ok()?.name)
        };
        let (client, server) = (named(row.client.partition)?, named(row.server.partition)?);
        self.edition(number)?.channel(&client, &server, &row.client.name)
    }

    /// The versions that the end `role` of a channel speaks if it runs the program of the image with this number.
    #[must_use]
    pub fn speaks(&self, number: u16, row: &ChannelRow, role: Role) -> Versions {
        let channel = self.channel_in(number, row);
        channel.map_or(Versions::from_bits(0), |channel| crate::define::speaks(channel, role))
    }

    /// The highest version that both ends of a channel speak as they run now, 0 where there is none.
    #[must_use]
    pub fn common_version(&self, row: &ChannelRow) -> u32 {
        let image = |partition: u32| {
            self.books.partition(PartitionId::new(partition)).map_or(0, |row| row.image)
        };
        let [client, server] = [row.client.partition, row.server.partition].map(image);
        let client = self.speaks(client, row, Role::Client);
        client.common(self.speaks(server, row, Role::Server))
    }
}
