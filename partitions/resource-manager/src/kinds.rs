//! Kinds of channels: how many of each there may be, and between whom, is a rule of the transaction that adds one.

use crate::manager::{Machine, Manager};
use crate::manifest::role;
use crate::trouble::Trouble;
use abi::channel::{ChannelKind, Role};
use abi::manifest::PartitionRole;
use abi::message::resource::ResourceStatus;
use abi::message::transaction::StepProblem;
use abi::types::{ChannelId, PartitionId};
use program_loader::Window;
use resource_db::ChannelRow;
use zone::{Already, Breach, Cardinality, Ends, Rule};

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Writes the row of a channel that was not there, in a transaction of its own.
    ///
    /// # Errors
    /// `Limit` where there may be none of this kind there; what the books answer.
    pub fn add_channel(&mut self, id: ChannelId, row: ChannelRow) -> Result<(), Trouble> {
        if let Err(breach) = self.may_add(&row) {
            self.books.note_refusal(StepProblem::Limit.code());
            self.say(format_args!("channel {} was refused: {breach}", id.raw()));
            return Err(ResourceStatus::Limit.into());
        }
        self.set_channel(id, row)
    }

    /// Whether there may be a channel beside those that the books have.
    fn may_add(&self, row: &ChannelRow) -> Result<(), Breach> {
        let kind = ChannelKind::ALL.get(usize::from(row.kind));
        let kind = kind.map_or(ChannelKind::Custom, |(kind, _)| *kind);
        let same = |other: &ChannelRow| other.kind == row.kind;
        let (client, server) =
            (PartitionId::new(row.client.partition), PartitionId::new(row.server.partition));
        let of_client = self.books.ends_of(client, None);
        let of_client = of_client.filter(|(_, end, other)| *end == Role::Client && same(other));
        let mut already = Already { of_client: count(of_client), of_machine: 0 };
        // Of most kinds there may be any number, and nobody counts them.
        if Rule::of(kind).of_machine != Cardinality::All {
            already.of_machine = count(self.books.channels().filter(|(_, other)| same(other)));
        }
        zone::may_add(kind, Ends { client: self.role(client), server: self.role(server) }, already)
    }

    /// Role of a partition; one that is not there has none.
    fn role(&self, id: PartitionId) -> PartitionRole {
        let row = self.books.partition(id);
        let definition = row.and_then(|row| self.definition(row).ok());
        definition.map_or(PartitionRole::Ordinary, role)
    }
}

fn count(all: impl Iterator) -> u32 {
    u32::try_from(all.count()).unwrap_or(u32::MAX)
}
