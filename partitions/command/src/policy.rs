//! What is made and started of the manifest beside infrastructure, and in which order: what it says is started at boot, in its order,
//! everybody made before anybody is started, so that all find their channels.
//!
//! What is made stands in the books of the resource manager, and who still has to: a life of this partition that begins in the middle
//! goes on, and one that begins later asks once and finds nothing to do.

use crate::surroundings::{Surroundings, Trouble, fetch};
use abi::message::resource::{Index, Maker, ResourceRequest, ResourceStatus};
use zerocopy::IntoBytes;

/// More than any manifest has: whatever the resource manager answers, there is an end.
const MOST: u32 = 8192;

/// How far it came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Established {
    /// There is nothing to do any more.
    Yes,
    /// Not yet: to be tried again.
    NotYet,
}

/// Has everything made and started that is this partition's to decide about.
pub fn establish(surroundings: &mut impl Surroundings) -> Established {
    let maker = fetch::<Index>(surroundings, ResourceRequest::Maker, &[0_u8; 0]);
    match maker.map(|maker| Maker::from_number(maker.index)) {
        Ok(Some(Maker::Command)) => {}
        Ok(Some(Maker::Nobody)) => return Established::Yes,
        // The boot partition is still at it, or nobody knows.
        _ => return Established::NotYet,
    }
    let steps = [ResourceRequest::MakeDefined, ResourceRequest::StartDefined];
    let done = steps.into_iter().all(|step| for_each(surroundings, step));
    let handed = done && surroundings.ask(ResourceRequest::HandOver, &[]).is_ok();
    if handed { Established::Yes } else { Established::NotYet }
}

/// Asks the same of everything in the manifest; whether all was answered.
fn for_each(surroundings: &mut impl Surroundings, request: ResourceRequest) -> bool {
    for index in 1..MOST {
        match surroundings.ask(request, Index { index }.as_bytes()) {
            Err(Trouble::Refused(ResourceStatus::NoSuch, _)) => return true,
            // What cannot be made the resource manager tells; the others can.
            Ok(_) | Err(Trouble::Refused(..)) => {}
            Err(_) => return false,
        }
    }
    true
}
