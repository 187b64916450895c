//! Operations on the rows of devices: each line, port, register and function has one owner.

use crate::books::{Books, Problem};
use crate::hardware::DeviceRow;
use crate::owner::Owner;
use owner_map::Page;

impl Books<'_> {
    /// A device's row; `None` for one that is not there.
    #[must_use]
    pub fn device(&self, id: u32) -> Option<&DeviceRow> {
        self.devices.get(self.map.memory(), id)
    }

    /// Every device that is there.
    pub fn devices(&self) -> impl Iterator<Item = (u32, &DeviceRow)> + Clone {
        self.devices.iter(self.map.memory())
    }

    /// Whose a device is.
    #[must_use]
    pub fn device_owner(&self, row: &DeviceRow) -> Owner {
        Page::new(row.owner).map_or(Owner::Missing, |page| self.owner_of(page))
    }

    /// The owner that a row names; a row that was never written names none.
    pub(crate) fn owner_of(&self, page: Page) -> Owner {
        if page == Page::default() { Owner::Missing } else { self.layout.owner(page) }
    }

    /// Writes a device down that is nobody's yet, or that stays reserved.
    ///
    /// # Errors
    /// Where there is no room or no transaction.
    pub fn add_device(&mut self, id: u32, row: DeviceRow, owner: Owner) -> Result<(), Problem> {
        let owner = self.page(owner).ok_or(Problem::NoSuch)?.number();
        self.set_device(id, DeviceRow { owner, ..row })
    }

    /// A device goes from one owner to another.
    ///
    /// # Errors
    /// `Rule` where it is not `before`'s, or another has a part of the same; then the whole transaction is refused. `NoSuch`.
    pub fn give_device(&mut self, id: u32, before: Owner, after: Owner) -> Result<(), Problem> {
        let row = *self.device(id).ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        let (from, to) = (self.page(before), self.page(after));
        let mine = from.is_some_and(|from| from.number() == row.owner);
        let (Some(to), true, true) = (to, mine, self.may_have(id, &row, after)) else {
            return Err(self.refuse(owner_map::Problem::Taken(id)));
        };
        self.set_device(id, DeviceRow { owner: to.number(), bound: 0, ..row })
    }

    /// Whether somebody may have a device: he is there, and nobody else has any of it.
    fn may_have(&self, id: u32, row: &DeviceRow, owner: Owner) -> bool {
        let there = match owner {
            Owner::Partition(_) => self.page(owner).is_some_and(|page| self.map.is_partition(page)),
            Owner::Channel(_) => false,
            _ => true,
        };
        let nobody = |other: &DeviceRow| self.device_owner(other) == Owner::Available;
        let same = |other: &DeviceRow| self.device_owner(other) == owner;
        let mut others = self.devices().filter(|(other, _)| *other != id);
        let free = others.all(|(_, other)| !other.meets(row) || nobody(other) || same(other));
        there && (owner == Owner::Available || free)
    }

    /// Says on which processor a line rings its owner, or that it rings nobody.
    ///
    /// # Errors
    /// Where there is no such device or no transaction.
    pub fn bind_device(&mut self, id: u32, bound: u32) -> Result<(), Problem> {
        let row = *self.device(id).ok_or(Problem::NoSuch)?;
        self.set_device(id, DeviceRow { bound, ..row })
    }

    fn set_device(&mut self, id: u32, row: DeviceRow) -> Result<(), Problem> {
        self.devices.place::<DeviceRow>(id).ok_or(Problem::NoSuch)?;
        self.open_transaction()?;
        let written = self.write_row(self.devices, id, &row);
        written.map_err(|problem| self.refuse(problem))?;
        self.devices.renew::<DeviceRow>(self.map.memory(), id);
        Ok(())
    }
}
