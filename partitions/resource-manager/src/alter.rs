//! Requests that change a partition that is there: who may ask for which, and where they are done.

use crate::manager::{Machine, Manager};
use crate::requests::{Asker, Reply, parse};
use crate::trouble::Trouble;
use abi::channel::ChannelKind;
use abi::message::resource::{Change, Index, ResourceRequest, ResourceStatus};
use abi::types::PartitionId;
use program_loader::Window;

impl<M: Machine, W: Window> Manager<'_, M, W> {
    /// Changes a partition for who may change it: the command partition any, a creator those that were created.
    ///
    /// # Errors
    /// `NotAllowed`, `Malformed`, and what the change itself says.
    pub fn alter(
        &mut self,
        asker: Asker,
        request: ResourceRequest,
        body: &[u8],
    ) -> Result<Reply, Trouble> {
        use ResourceRequest as R;
        let may = |this: &Self, id: u32| {
            let id = PartitionId::new(id);
            match asker.kind == ChannelKind::Command || this.is_creation(id) {
                true => Ok(id),
                false => Err(Trouble::from(ResourceStatus::NotAllowed)),
            }
        };
        if matches!(request, R::Pause | R::Resume) {
            let id = may(self, parse::<Index>(body)?.index)?;
            if request == R::Pause {
                self.pause(id)?
            } else {
                self.resume(id)?
            }
            return Ok(Reply::status(ResourceStatus::Ok));
        }
        let change: Change = parse(body)?;
        may(self, change.partition)?;
        match request {
            R::SetShare => self.set_share(change),
            R::SetMemory => self.set_memory(change),
            _ => self.relocate(change),
        }
    }
}
