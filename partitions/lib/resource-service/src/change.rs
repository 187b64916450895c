//! What the zones of a partition that is there say to a change of it.

use crate::authority::Authority;
use crate::create::Service;
use crate::refusal::Refusal;
use crate::zones::{full, other_zone};

impl Service {
    /// Why a partition does not go to a processor, where that is for its zones. Who cannot be asked for them says nothing: the manager
    /// refuses it all the same.
    pub fn not_there(
        &mut self,
        authority: &mut impl Authority,
        id: u32,
        processor: u32,
    ) -> Option<Refusal> {
        let row = self.follow(authority).ok()?.partition(id)?;
        let (definition, contexts) = (row.definition, row.contexts);
        other_zone(self.view(), definition, (processor, contexts))
    }

    /// Why a partition that was refused so many more pages did not get them, where that is for its zones.
    pub fn no_room(
        &mut self,
        authority: &mut impl Authority,
        id: u32,
        pages: u32,
    ) -> Option<Refusal> {
        let definition = self.follow(authority).ok()?.partition(id)?.definition;
        full(self.view(), definition, pages.into())
    }
}
