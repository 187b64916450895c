//! The resource manager, as the resource service asks it.

use crate::surroundings::{Surroundings, Trouble};
use abi::message::resource::ResourceRequest;
use resource_service::{Answer, Authority, Failure};

/// The surroundings, of which the service needs only the resource manager.
pub struct Manager<'a, S>(pub &'a mut S);

impl<S: Surroundings> Authority for Manager<'_, S> {
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Answer, Failure> {
        self.0.ask(request, body).map_err(|trouble| match trouble {
            Trouble::Refused(status, number) => Failure::Refused(status, number),
            Trouble::Restarted => Failure::Restarted,
            Trouble::NoAnswer => Failure::NoAnswer,
            Trouble::Console(_) | Trouble::Nonsense => Failure::Nonsense,
        })
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        self.0.read_data(offset, to)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(status, number) => Self::Refused(status, number),
            Failure::Restarted => Self::Restarted,
            Failure::NoAnswer => Self::NoAnswer,
            Failure::Nonsense => Self::Nonsense,
        }
    }
}
