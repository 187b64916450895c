//! Hardware as rows of the books: what the manifest grants, and the functions of the PCI buses. Each has one owner at a time.

use crate::manager::{Machine, Manager, SELF};
use crate::manifest::Manifest;
use crate::trouble::Trouble;
use abi::manifest::{GrantKind, ManifestGrant, NO_PARTITION, PartitionRole};
use abi::message::database::DeviceRecord;
use abi::message::transaction::DeviceKind;
use abi::types::PartitionId;
use program_loader::Window;
use resource_db::{DeviceRow, Owner, PartitionRow};

/// Devices that are written in one transaction.
const TOGETHER: usize = 32;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Rows of all that the manifest grants, boot's at first: it hands on what others are made with. Where there is no boot partition
    /// they are the manager's.
    ///
    /// # Errors
    /// Where the table is full.
    pub fn define_devices(&mut self) -> Result<(), Trouble> {
        let boot = self.boot_partition();
        let mut ids = 0..;
        for grants in self.manifest.grants.chunks(TOGETHER) {
            self.books.begin();
            for (grant, id) in grants.iter().zip(ids.by_ref()) {
                self.books.add_device(id, self.device(grant), Owner::Partition(boot))?;
            }
            self.books.commit();
        }
        Ok(())
    }

    /// Rows of the PCI functions: bridges stay as they are, others are nobody's. What is beyond the table is told.
    pub fn define_functions(&mut self) {
        let first = u32::try_from(self.manifest.grants.len()).unwrap_or(u32::MAX);
        let (mut next, mut left_out) = (first, 0_u32);
        self.each_function(|this, function, bridge| {
            let owner = if bridge { Owner::Reserved } else { Owner::Available };
            let row = DeviceRow::new(DeviceKind::Function, function.into(), 1);
            this.books.begin();
            let added = this.books.add_device(next, row, owner);
            this.books.commit();
            next += u32::from(added.is_ok());
            left_out += u32::from(added.is_err());
        });
        if left_out > 0 {
            self.say(format_args!("{left_out} PCI functions are not in the books"));
        }
    }

    /// The partition with boot's role in the manifest, or the manager.
    fn boot_partition(&self) -> PartitionId {
        let boot = PartitionRole::Boot as u16;
        let mut all = (0..).zip(self.manifest.partitions);
        let found = all.find(|(_, definition)| definition.role == boot);
        found.map_or(SELF, |(index, _)| PartitionId::new(index))
    }

    /// What a grant is about, on this machine.
    #[must_use]
    pub fn device(&self, grant: &ManifestGrant) -> DeviceRow {
        match grant.kind {
            kind if kind == GrantKind::Ports as u32 => {
                DeviceRow::new(DeviceKind::Ports, grant.base, grant.count)
            }
            kind if kind == GrantKind::Interrupt as u32 => {
                DeviceRow::new(DeviceKind::Interrupt, self.facts.line(grant).into(), 1)
            }
            kind => {
                let (first, count) = self.facts.registers(grant).unwrap_or_default();
                let framebuffer = kind == GrantKind::Framebuffer as u32;
                let kind =
                    if framebuffer { DeviceKind::Framebuffer } else { DeviceKind::Registers };
                DeviceRow::new(kind, first, count)
            }
        }
    }

    /// A device as it is told.
    #[must_use]
    pub fn device_record(&self, id: u32, row: &DeviceRow) -> DeviceRecord {
        let (owner, owner_id) = crate::transactions::owner(self.books.device_owner(row));
        let DeviceRow { first, count, bound, .. } = *row;
        let kind = u16::try_from(row.kind).unwrap_or(0);
        DeviceRecord { first, count, id, kind, owner, owner_id, bound }
    }

    /// Hands a partition the hardware of a definition, from whoever has it, in a transaction of its own.
    ///
    /// # Errors
    /// What the books answer.
    pub fn hand_hardware(&mut self, id: PartitionId, hardware: u32) -> Result<(), Trouble> {
        self.give_devices_of(hardware, Owner::Partition(id))
    }

    /// Hands the hardware of a definition back to who had it first.
    ///
    /// # Errors
    /// What the books answer.
    pub fn return_hardware(&mut self, hardware: u32) -> Result<(), Trouble> {
        self.give_devices_of(hardware, Owner::Partition(self.boot_partition()))
    }

    /// All that is granted to a definition goes to one owner.
    fn give_devices_of(&mut self, hardware: u32, to: Owner) -> Result<(), Trouble> {
        if hardware == NO_PARTITION {
            return Ok(());
        }
        self.books.begin();
        for (device, _) in granted(&self.manifest, hardware) {
            let row = self.books.device(device).map(|row| self.books.device_owner(row));
            if let Some(from) = row.filter(|from| *from != to) {
                self.books.give_device(device, from, to)?;
            }
        }
        self.books.commit();
        Ok(())
    }

    /// Writes down that a partition's lines ring its first context, where that is.
    ///
    /// # Errors
    /// What the books answer.
    pub fn note_bound(&mut self, row: &PartitionRow) -> Result<(), Trouble> {
        let hardware = row.hardware;
        if hardware == NO_PARTITION {
            return Ok(());
        }
        let want = self.want(PartitionId::new(hardware), row, self.definition(row)?);
        let processor = want.processor_of(0, self.facts.processors);
        let bound = u32::from(processor.raw()) + 1;
        self.books.begin();
        let line = u32::from(DeviceKind::Interrupt.code());
        for (device, _) in granted(&self.manifest, hardware) {
            let row = self.books.device(device);
            if row.is_some_and(|row| row.kind == line && row.bound != bound) {
                self.books.bind_device(device, bound)?;
            }
        }
        self.books.commit();
        Ok(())
    }
}

/// What a definition is granted, with the numbers of the rows.
pub fn granted<'m>(
    manifest: &Manifest<'m>,
    hardware: u32,
) -> impl Iterator<Item = (u32, &'m ManifestGrant)> + use<'m> {
    let all = (0..).zip(manifest.grants);
    all.filter(move |(_, grant)| grant.partition == hardware)
}
