//! Has the resource manager make what it takes for a command partition, and gives the right to ask for more up.
//!
//! What is made stands in the books. So a life of this partition that begins in the middle asks for everything once more, and finds
//! most of it there; once the making is another's, it asks for nothing.

use crate::manager::ManagerRescue;
use abi::manifest::{ManifestHeader, ManifestPartition, PartitionFlags, PartitionRole};
use abi::message::resource::{Index, Maker, ResourceRequest, ResourceStatus};
use abi::types::EventBit;
use boot_image::Image;
use rt::protocol::Resources;
use rt::time::{after, milliseconds, seconds};
use rt::{Answer, CallError, Client, Nanoseconds, System, Timer};
use zerocopy::FromBytes;

/// Longest time for an answer of the resource manager.
const PATIENCE: Nanoseconds = seconds(2);
/// When to try again where that did not answer.
const AGAIN: Nanoseconds = milliseconds(2);

/// The founding of the machine, until it is done.
pub struct Founding {
    resources: Option<Client<Resources>>,
    timer: Option<Timer>,
}

impl Founding {
    /// Begins with the first turn.
    pub fn new(system: &mut System, resources: Option<Client<Resources>>) -> Self {
        Self { resources, timer: system.after(Nanoseconds::new(0)) }
    }

    /// A timer ended; whether it was the founding's. `beside` runs when somebody stops meanwhile.
    pub fn deadline(&mut self, system: &mut System, timer: Timer, beside: fn()) -> bool {
        let own = self.timer == Some(timer);
        if own {
            let done = self.resources.is_none_or(|client| found(system, client, beside).is_ok());
            self.timer = if done { None } else { system.after(AGAIN) };
        }
        own
    }
}

/// Asks for all that is this partition's to ask for.
///
/// # Errors
/// The resource manager did not answer: all of it is to be asked for again.
fn found(system: &mut System, client: Client<Resources>, beside: fn()) -> Result<(), CallError> {
    use ResourceRequest as R;
    let mut ask = |request, body: &[u8]| -> Result<Answer<Resources>, CallError> {
        let (deadline, fault) = (after(PATIENCE), EventBit::FAULT.mask());
        client.call_beside(system, request, body, deadline, fault, |_| beside())
    };
    let maker = ask(R::Maker, &[])?.body::<Index>().and_then(|it| Maker::from_number(it.index));
    if maker != Some(Maker::Boot) {
        return Ok(());
    }
    let partitions = partitions();
    let mut all = !partitions.iter().any(decides);
    for (index, definition) in (0..).zip(partitions).filter(|(_, one)| is_infrastructure(one)) {
        let answer = ask(R::MakeDefined, rt::bytes(&Index { index }))?;
        // Where nobody can decide about the rest, the rest is this partition's too; the resource manager says what it cannot make.
        all |= decides(definition) && answer.status() != Ok(ResourceStatus::Ok);
    }
    for request in [R::MakeDefined, R::StartDefined] {
        for (index, definition) in (0..).zip(partitions).skip(1) {
            if all || request == R::StartDefined && is_infrastructure(definition) {
                let _ = ask(request, rt::bytes(&Index { index }))?;
            }
        }
    }
    ask(R::HandOver, &[]).map(|_| ())
}

/// The partitions of the manifest; none where this partition does not see the boot image.
fn partitions() -> &'static [ManifestPartition] {
    ManagerRescue::find().image(0).map_or(&[], partitions_of)
}

/// The partitions of an image's manifest.
pub fn partitions_of(image: Image<'static>) -> &'static [ManifestPartition] {
    let Ok((header, rest)) = ManifestHeader::ref_from_prefix(image.manifest()) else { return &[] };
    let count = usize::try_from(header.partitions).unwrap_or(0);
    <[ManifestPartition]>::ref_from_prefix_with_elems(rest, count).map_or(&[], |(all, _)| all)
}

fn has_role(definition: &ManifestPartition, role: PartitionRole) -> bool {
    PartitionRole::from_number(definition.role) == Some(role)
}

/// Whether a partition decides about the rest.
fn decides(definition: &ManifestPartition) -> bool {
    has_role(definition, PartitionRole::Command)
        && definition.flags & PartitionFlags::POLICY.bits() != 0
}

/// What the command partition needs, and itself.
fn is_infrastructure(definition: &ManifestPartition) -> bool {
    [PartitionRole::Console, PartitionRole::Command].iter().any(|role| has_role(definition, *role))
}
