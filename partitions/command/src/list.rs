//! The partitions as the resource manager lists them.

use crate::authority::Manager;
use crate::complaint::Complaint;
use crate::surroundings::{Surroundings, Trouble};
use crate::words::name_of;
use abi::manifest::PartitionRole;
use abi::message::database::Table;
use abi::message::resource::{PartitionRecord, PartitionState, ResourceRequest, TableQuery};
use alloc::vec::Vec;
use console_grammar::{Mistake, nearest};
use resource_service::{query, read_table};
use zerocopy::FromBytes;

/// Most partitions that are listed: more than any machine has, so that a list without end has one.
const MOST: usize = 4096;

/// All partitions at one moment.
#[derive(Default)]
pub struct List(Vec<PartitionRecord>);

impl List {
    /// Asks for all.
    pub fn fetch(surroundings: &mut impl Surroundings) -> Result<Self, Trouble> {
        Ok(Self(read_listed(surroundings, query(Table::Listed), MOST)?))
    }

    /// Each of them.
    pub fn all(&self) -> impl Iterator<Item = &PartitionRecord> {
        self.0.iter()
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|record| name_of(&record.name))
    }

    /// The one with this name, or with this number where none has it as its name.
    pub fn named<'a>(&'a self, name: &'a str) -> Result<&'a PartitionRecord, Complaint<'a>> {
        let unknown =
            || Mistake::UnknownPartition { word: name, nearest: nearest(name, self.names()) };
        let found = self.0.iter().find(|record| name_of(&record.name) == name);
        let number = name.parse::<u32>().ok();
        let found = found.or_else(|| self.0.iter().find(|record| number == Some(record.id)));
        found.ok_or_else(|| Complaint::Mistake(unknown()))
    }

    /// The name of the one with this id.
    pub fn name(&self, id: u32) -> Option<&str> {
        let place = self.0.partition_point(|record| record.id < id);
        self.0.get(place).filter(|record| record.id == id).map(|record| name_of(&record.name))
    }
}

/// Reads what there is now of a table, and keeps at most so many records of it.
pub fn read_listed<T: FromBytes>(
    surroundings: &mut impl Surroundings,
    query: TableQuery,
    most: usize,
) -> Result<Vec<T>, Trouble> {
    let mut all = Vec::new();
    read_table(&mut Manager(surroundings), ResourceRequest::Snapshot, query, |record| {
        if all.len() < most {
            all.push(record);
        }
    })?;
    Ok(all)
}

/// The state of a partition, if it is one that exists.
pub fn state(record: &PartitionRecord) -> Option<(PartitionState, &'static str)> {
    let number = usize::try_from(record.state & 0xff).ok()?;
    PartitionState::ALL.get(number).copied()
}

/// Whether the operator's console is gone when this partition is: it is the console, or carries its text.
pub fn carries_console(record: &PartitionRecord) -> bool {
    has_role(record, PartitionRole::Command) || has_role(record, PartitionRole::Console)
}

/// Whether a partition has this role.
pub fn has_role(record: &PartitionRecord, role: PartitionRole) -> bool {
    let number = usize::try_from(record.state >> 16).ok();
    number.and_then(|number| PartitionRole::ALL.get(number)).is_some_and(|(one, _)| *one == role)
}
