//! The desk: takes requests off the channels that lead to the manager, and answers them.

use crate::manager::{Machine, Manager, SELF};
use crate::requests::{Asker, Reply};
use crate::snapshot::Sheet;
use abi::channel::{ChannelKind, INLINE, NO_VERSION, Role};
use abi::manifest::MANAGER_CHANNELS;
use abi::message::resource::ResourceStatus;
use abi::types::{ChannelId, PAGE_SIZE, PartitionId, Slot};
use arrayvec::ArrayVec;
use program_loader::Window;
use resource_db::{Link, Stage};
use ring::{Doorbell, Geometry, Message, ServerEnd, SharedMemory};

/// Most answers that wait for something to happen.
const WAITING: usize = 16;
/// Requests of one client that are served before it is the next one's turn.
const TURN: usize = 16;

/// A channel that leads to the manager.
struct Client<S> {
    channel: ChannelId,
    asker: Asker,
    end: ServerEnd<S>,
    doorbell: Slot,
}

/// An answer that waits until a partition has stopped, is gone, or has nothing under way with it.
#[derive(Clone, Copy)]
struct Waiting {
    channel: ChannelId,
    epoch: u32,
    id: u64,
    until: Reply,
}

/// All channels that lead to the manager.
pub struct Desk<S> {
    clients: ArrayVec<Client<S>, MANAGER_CHANNELS>,
    waiting: ArrayVec<Waiting, WAITING>,
}

impl<S: SharedMemory> Desk<S> {
    /// The channels of the books that lead to the manager; `memory` gives access to one from its address and layout.
    pub fn new<M: Machine, W: Window>(
        manager: &mut Manager<'_, M, W>,
        memory: impl FnMut(u64, Geometry) -> S,
    ) -> Self {
        let mut desk = Self { clients: ArrayVec::new(), waiting: ArrayVec::new() };
        desk.update(manager, memory);
        desk
    }

    /// Takes in clients that came, and lets go of those that leave.
    pub fn update<M: Machine, W: Window>(
        &mut self,
        manager: &mut Manager<'_, M, W>,
        mut memory: impl FnMut(u64, Geometry) -> S,
    ) {
        let there = |channel| {
            let row = manager.books.channel(channel);
            row.is_some_and(|row| row.link() == Link::Connected && row.stage() == Stage::Made)
        };
        self.clients.retain(|client| there(client.channel));
        self.waiting.retain(|waiting| there(waiting.channel));
        for (channel, role, row) in manager.books.ends_of(SELF, None) {
            let known = self.clients.iter().any(|client| client.channel == channel);
            if known || role != Role::Server || !there(channel) {
                continue;
            }
            let length = row.memory().count * PAGE_SIZE;
            let geometry = Geometry::new(row.ring_shift.into(), length as usize);
            let (Some(geometry), Some(kind)) = (geometry, kind(row.kind)) else { continue };
            let asker = Asker { partition: PartitionId::new(row.client.partition), kind };
            let end = ServerEnd::new(memory(row.server.address, geometry));
            let doorbell = Slot::new(row.server.slot);
            // More than fit there are none: the builder refuses them, and there is room for no more that join.
            let _ = self.clients.try_push(Client { channel, asker, end, doorbell });
        }
        manager.desk_is_old = false;
    }

    /// Serves what there is; whether a client may have more than its turn.
    pub fn serve<M: Machine, W: Window>(&mut self, manager: &mut Manager<'_, M, W>) -> bool {
        // Before a number that somebody waits for can be that of another partition.
        self.answer_waiting(manager);
        let (mut more, mut message) = (false, Message::empty());
        for index in 0..self.clients.len() {
            more |= self.serve_client(index, manager, &mut message);
        }
        more
    }

    fn serve_client<M: Machine, W: Window>(
        &mut self,
        index: usize,
        manager: &mut Manager<'_, M, W>,
        message: &mut Message,
    ) -> bool {
        let Some(client) = self.clients.get_mut(index) else { return false };
        let row = manager.books.channel(client.channel);
        let (epoch, version) = row.map_or((0, 0), |row| (row.epoch, row.version));
        // The manager speaks the first version of its messages.
        client.end.set_version(if version == 1 { version } else { NO_VERSION });
        client.end.set_epoch(epoch);
        let mut turn = 0..TURN;
        while !turn.is_empty() && self.serve_one(index, manager, message) {
            turn.next();
            // The number of a partition that is gone may be another's by the next request.
            self.answer_waiting(manager);
        }
        if let Some(client) = self.clients.get_mut(index) {
            ring_if_due(client, manager);
        }
        turn.is_empty()
    }

    /// Serves the next request of a client; whether there was one.
    fn serve_one<M: Machine, W: Window>(
        &mut self,
        index: usize,
        manager: &mut Manager<'_, M, W>,
        message: &mut Message,
    ) -> bool {
        // What comes after the request that has the manager leave is for the next one.
        let client = self.clients.get_mut(index).filter(|_| !manager.is_leaving());
        let Some(client) = client else { return false };
        let Some(epoch) = client.end.take(message) else { return false };
        let mut reply = manager.answer(client.asker, message.head.code, message.bytes());
        if let Some(bulk) = answer_in_bulk(client, manager, &reply) {
            reply = bulk;
        }
        if !matches!(reply, Reply::Now(..)) {
            let channel = client.channel;
            let waiting = Waiting { channel, epoch, id: message.id, until: reply };
            if self.waiting.try_push(waiting).is_ok() {
                return true;
            }
            // Begun it is; that it is done cannot be told.
            reply = Reply::status(ResourceStatus::Busy);
        }
        complete(client, epoch, message.id, &reply);
        true
    }

    /// Completes what waited for partitions that have stopped.
    pub fn answer_waiting<M: Machine, W: Window>(&mut self, manager: &mut Manager<'_, M, W>) {
        while let Some(at) = self.waiting.iter().position(|one| has_come(manager, &one.until)) {
            let Waiting { channel, epoch, id, until } = self.waiting.swap_remove(at);
            let client = self.clients.iter_mut().find(|client| client.channel == channel);
            if let Some(client) = client {
                let reply = match until {
                    Reply::WhenSettled(id, _) => manager.settled_record(id),
                    _ => Reply::status(ResourceStatus::Ok),
                };
                complete(client, epoch, id, &reply);
                ring_if_due(client, manager);
            }
        }
    }

    /// About to sleep: whether there is something to serve after all.
    pub fn arm(&mut self) -> bool {
        let mut any = false;
        for client in &mut self.clients {
            any |= client.end.arm();
        }
        any
    }

    /// Awake.
    pub fn disarm(&mut self) {
        self.clients.iter_mut().for_each(|client| client.end.disarm());
    }
}

/// Whether that for which an answer waits has happened.
fn has_come<M: Machine, W: Window>(manager: &Manager<'_, M, W>, until: &Reply) -> bool {
    match until {
        Reply::Now(..) | Reply::Bulk(_) | Reply::Core(_) => true,
        Reply::WhenSettled(id, until) => manager.is_settled_for(*id, *until),
        Reply::WhenStopped(id, started) => {
            let row = manager.books.partition(*id);
            row.is_none_or(|row| !manager.runs(row) || row.started != *started)
        }
        Reply::WhenGone(id) => manager.books.partition(*id).is_none(),
    }
}

fn complete<S: SharedMemory>(client: &mut Client<S>, epoch: u32, id: u64, reply: &Reply) {
    let (status, body) = reply.parts();
    let body = body.get(..body.len().min(INLINE)).unwrap_or_default();
    // Refused only where the client was restarted since: then nobody waits for it.
    let _ = client.end.complete(epoch, id, status as u16, body);
}

/// Answers by way of the data area of the client's channel, if that is asked for.
fn answer_in_bulk<S: SharedMemory, M: Machine, W: Window>(
    client: &Client<S>,
    manager: &mut Manager<'_, M, W>,
    reply: &Reply,
) -> Option<Reply> {
    let room = client.end.data_length();
    let mut write = |offset: usize, bytes: &[u8]| {
        // The sheet writes inside only.
        let _ = client.end.write_data(offset, bytes);
    };
    match reply {
        Reply::Bulk(bulk) => Some(manager.bulk(*bulk, Sheet::new(room, &mut write))),
        Reply::Core(query) => Some(manager.core(query, Sheet::new(room, &mut write))),
        _ => None,
    }
}

fn ring_if_due<S: SharedMemory, M: Machine, W: Window>(
    client: &mut Client<S>,
    manager: &mut Manager<'_, M, W>,
) {
    if client.end.notify() == Doorbell::Ring {
        manager.machine.ring(client.doorbell);
    }
}

/// The kind of channel that leads to the manager; `None` for others.
fn kind(number: u16) -> Option<ChannelKind> {
    [ChannelKind::Control, ChannelKind::Command, ChannelKind::Boot]
        .into_iter()
        .find(|kind| *kind as u16 == number)
}
