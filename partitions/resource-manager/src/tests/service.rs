//! The resource service against the manager itself: either of them dies, and every creation happens once.

use super::snapshots::bulk;
use super::world::{TestManager, World, index};
use super::{COMMAND, id};
use crate::requests::{Asker, Reply};
use abi::message::resource::{Index, ResourceRequest, ResourceStatus};
use resource_service::{Answer, Authority, Failure, Options, Service};
use std::cell::Cell;
use zerocopy::FromBytes;

/// The manager at the other end of the channel, and what the service sees of its deaths.
struct Channel {
    world: World,
    manager: Option<TestManager>,
    area: Vec<u8>,
    /// Kernel calls until the manager dies, once.
    dies_in: Cell<Option<u32>>,
    /// Whether it did.
    died: bool,
    /// Whether its answer is lost with it.
    deaf: bool,
    /// Questions until the service itself is dead, and hears nothing any more.
    questions: u32,
}

impl Channel {
    fn new() -> Self {
        let (world, manager) = World::new();
        let (manager, area) = (Some(manager), Vec::new());
        Self {
            world,
            manager,
            area,
            dies_in: Cell::new(None),
            died: false,
            deaf: true,
            questions: u32::MAX,
        }
    }

    fn manager(&mut self) -> &mut TestManager {
        self.manager.as_mut().expect("there is one")
    }

    /// Copies of the worker, once what was half made is gone.
    fn copies(&mut self) -> Vec<u32> {
        let Self { world, manager: Some(manager), .. } = self else { return Vec::new() };
        world.let_go(manager);
        let first = self.manager().manifest.partitions.len() as u32;
        let ids = self.manager().books.partitions().map(|(id, _)| id.raw());
        ids.filter(|id| *id >= first).collect()
    }

    fn answer(&mut self, request: ResourceRequest, body: &[u8]) -> Reply {
        let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
        match self.manager().answer(asker, request.code(), body) {
            Reply::Bulk(wanted) => {
                let (reply, area) = bulk(self.manager(), wanted, 500);
                self.area = area;
                reply
            }
            reply => reply,
        }
    }
}

impl Authority for Channel {
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Answer, Failure> {
        self.questions = self.questions.saturating_sub(1);
        if self.questions == 0 {
            return Err(Failure::NoAnswer);
        }
        let mut reply = None;
        if let Some(calls) = self.dies_in.get().filter(|_| request == ResourceRequest::CreatePlaced)
        {
            self.dies_in.set(None);
            let shared = self.world.shared.clone();
            shared.dies_after.set(Some(calls));
            let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                reply = Some(self.answer(request, body));
            }));
            shared.dies_after.set(None);
            self.died = lived.is_err();
            // One that lived through it dies before the answer is heard.
            if self.died || self.deaf {
                self.manager = Some(self.world.recovered());
                return Err(Failure::Restarted);
            }
        }
        let reply = reply.unwrap_or_else(|| self.answer(request, body));
        match reply.parts() {
            (ResourceStatus::Ok, body) => Ok(Answer::new(body)),
            (status, body) => {
                let number = Index::read_from_bytes(body).map(|it| it.index).ok();
                Err(Failure::Refused(status, number))
            }
        }
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        let from = self.area.get(offset..offset + to.len());
        from.map(|from| to.copy_from_slice(from)).is_some()
    }
}

// covers: CMD-1, RES-10
#[test]
fn a_manager_that_dies_at_any_call_of_a_creation_makes_it_once() {
    let (mut channel, mut service) = (Channel::new(), Service::new());
    for calls in 0.. {
        channel.dies_in.set(Some(calls));
        let options = Options { share: Some(1), heap: Some(1), processor: Some(1) };
        let created = service.create(&mut channel, index::WORKER, options).expect("created");
        assert_eq!(channel.copies(), [created.id], "death at call {calls}");
        let row = channel.manager().row(id(created.id)).unwrap();
        assert_eq!((row.heap.start.raw(), row.share), (created.placed.placement.start, 1));
        let Channel { world, manager, .. } = &mut channel;
        let manager = manager.as_mut().expect("there is one");
        world.check(manager);
        world.destroy(manager, id(created.id));
        if !channel.died {
            assert!(calls > 20, "a creation takes more calls");
            break;
        }
    }
}

// covers: CMD-2
#[test]
fn a_service_that_dies_after_any_question_is_followed_by_one_that_goes_on() {
    let mut channel = Channel::new();
    for questions in 1..12 {
        channel.questions = questions;
        let mut service = Service::new();
        let heard = service.create(&mut channel, index::WORKER, Options::default()).is_ok();
        channel.questions = u32::MAX;
        let made = channel.copies();
        assert!(made.len() <= 1 && (!heard || made.len() == 1), "{questions}: {made:?}");
        // The next one knows all that was committed, and goes on from there.
        let mut next = Service::new();
        let seen = next.follow(&mut channel).expect("a copy").partitions().to_vec();
        let known: Vec<u32> = seen.iter().map(|row| row.id).filter(|id| *id >= 5).collect();
        assert_eq!(known, made);
        let created = next.create(&mut channel, index::WORKER, Options::default()).unwrap();
        assert_eq!(channel.copies().len(), made.len() + 1);
        let Channel { world, manager, .. } = &mut channel;
        let manager = manager.as_mut().expect("there is one");
        for copy in made.into_iter().chain([created.id]) {
            world.destroy(manager, id(copy));
        }
        world.check(manager);
    }
}
