//! One end of a channel with everything the runtime keeps about it.

use crate::information::{is_end, is_kind};
use crate::memory::Window;
use crate::sys;
use abi::channel::Role;
use abi::information::{Resource, ResourceKind};
use abi::types::{EventBit, Slot};
use ring::{ClientEnd, Doorbell, Geometry, Message, Refused, ServerEnd, Taken};

/// Either end.
#[expect(
    clippy::large_enum_variant,
    reason = "they live in room given once; there is no heap to box in"
)]
#[derive(Debug)]
enum Side {
    Client(ClientEnd<Window>),
    Server(ServerEnd<Window>),
}

/// What was taken from a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    /// A request of this epoch.
    Request(u32),
    /// A completion.
    Completion,
    /// A request that the server's restart left without one.
    Lost,
}

/// An end of a channel.
#[derive(Debug)]
pub struct End {
    side: Side,
    /// What the information pages said when it was opened.
    pub(crate) resource: Resource,
    /// The peer was restarted, and the partition was not told yet.
    pub(crate) restarted: bool,
    /// The partition left something in the ring although it was told; it is told again at the next event.
    pub(crate) stalled: bool,
    /// The partition asked for what there is since it was told. It saw all there was, even where that came to nothing:
    /// completions nobody waits for, or a new epoch.
    pub(crate) touched: bool,
}

impl End {
    /// The end that `resource` describes, or `None` where that is not a channel or is impossible.
    pub(crate) fn new(resource: &Resource) -> Option<Self> {
        if !is_kind(resource, ResourceKind::Channel) {
            return None;
        }
        let window = Window::new(resource.address, resource.length)?;
        let geometry = Geometry::new(resource.ring_shift.into(), window.length())?;
        let side = if is_end(resource, Role::Client) {
            Side::Client(ClientEnd::new(window, geometry))
        } else {
            Side::Server(ServerEnd::new(window, geometry))
        };
        let mut end =
            Self { side, resource: *resource, restarted: false, stalled: false, touched: false };
        end.set_epoch(resource.epoch);
        end.restarted = false;
        Some(end)
    }

    /// Takes over the epoch in force, if it is another one; the partition is to be told then.
    pub(crate) fn set_epoch(&mut self, epoch: u32) {
        let due = match &mut self.side {
            Side::Client(client) if client.epoch() != epoch => client.set_epoch(epoch),
            Side::Server(server) if server.told() != epoch => {
                server.set_epoch(epoch);
                Doorbell::Quiet
            }
            _ => return,
        };
        self.resource.epoch = epoch;
        self.restarted = true;
        self.stalled = false;
        self.ring_if(due);
    }

    /// The bits of the event word by which the peer reports.
    pub(crate) fn events(&self) -> u64 {
        EventBit::new(self.resource.event).map_or(0, EventBit::mask)
    }

    /// The peer's doorbell.
    pub(crate) const fn doorbell(&self) -> Slot {
        Slot::new(self.resource.slot)
    }

    fn ring_if(&self, due: Doorbell) {
        if due == Doorbell::Ring {
            // Stale: the peer is being restarted; it looks at the ring before it sleeps.
            let _ = sys::ring(self.doorbell());
        }
    }

    /// Takes the next message.
    pub(crate) fn take(&mut self, message: &mut Message) -> Option<Item> {
        let item = match &mut self.side {
            Side::Client(client) => client.take(message).map(|taken| match taken {
                Taken::Completed => Item::Completion,
                Taken::Lost => Item::Lost,
            }),
            Side::Server(server) => server.take(message).map(Item::Request),
        };
        self.touched = true;
        item
    }

    /// Sends a request without telling the server yet; returns its id.
    pub(crate) fn send_quietly(&mut self, message: &Message) -> Result<u64, Refused> {
        match &mut self.side {
            Side::Client(client) => match client.send(message) {
                // Answers that nobody waits for may be in the way.
                Err(Refused::Full) if !client.ready() || client.room() != 0 => client.send(message),
                sent => sent,
            },
            Side::Server(_) => Err(Refused::NothingOpen),
        }
    }

    /// Rings the peer if it sleeps.
    pub(crate) fn tell(&mut self) {
        let due = self.due();
        self.ring_if(due);
    }

    /// Whether the peer's doorbell is due.
    pub(crate) fn due(&mut self) -> Doorbell {
        match &mut self.side {
            Side::Client(client) => client.notify(),
            Side::Server(server) => server.notify(),
        }
    }

    /// Sends a request and tells the server.
    pub(crate) fn send(&mut self, message: &Message) -> Result<u64, Refused> {
        let id = self.send_quietly(message)?;
        self.tell();
        Ok(id)
    }

    /// Sends a lost request again.
    pub(crate) fn send_again(&mut self, id: u64, message: &Message) -> bool {
        let sent = match &mut self.side {
            Side::Client(client) => client.send_again(id, message),
            Side::Server(_) => false,
        };
        if sent {
            self.tell();
        }
        sent
    }

    /// Completes a request and tells the client.
    pub(crate) fn complete(&mut self, epoch: u32, message: &Message) -> Result<(), Refused> {
        match &mut self.side {
            Side::Server(server) => server.complete(epoch, message)?,
            Side::Client(_) => return Err(Refused::NothingOpen),
        }
        self.tell();
        Ok(())
    }

    /// Nobody waits for that request any more.
    pub(crate) fn forget(&mut self, id: u64) {
        if let Side::Client(client) = &mut self.side {
            client.forget(id);
        }
    }

    /// Whether the partition wants to be woken for this end: a server always, a client for what it awaits.
    pub(crate) const fn wanted(&self) -> bool {
        match &self.side {
            Side::Client(client) => client.awaited(),
            Side::Server(_) => true,
        }
    }

    /// How many more requests can be sent now; 0 for a server.
    pub(crate) fn room(&self) -> u32 {
        match &self.side {
            Side::Client(client) => client.room(),
            Side::Server(_) => 0,
        }
    }

    /// Prepares to sleep; true if there is something to take.
    pub(crate) fn arm(&mut self) -> bool {
        match &mut self.side {
            Side::Client(client) => client.arm(),
            Side::Server(server) => server.arm(),
        }
    }

    /// Awake.
    pub(crate) fn disarm(&mut self) {
        match &mut self.side {
            Side::Client(client) => client.disarm(),
            Side::Server(server) => server.disarm(),
        }
    }

    /// Whether it is armed: then the peer rings when there is something.
    pub(crate) const fn armed(&self) -> bool {
        match &self.side {
            Side::Client(client) => client.armed(),
            Side::Server(server) => server.armed(),
        }
    }

    /// Whether there is something to take.
    pub(crate) fn ready(&mut self) -> bool {
        match &mut self.side {
            Side::Client(client) => client.ready(),
            Side::Server(server) => server.ready(),
        }
    }

    /// Whether the peer broke the rules of the ring in this epoch.
    pub(crate) const fn broken(&self) -> bool {
        match &self.side {
            Side::Client(client) => client.broken(),
            Side::Server(server) => server.broken(),
        }
    }

    /// Copies out of the data area.
    pub(crate) fn read_data(&self, offset: usize, to: &mut [u8]) -> bool {
        match &self.side {
            Side::Client(client) => client.read_data(offset, to),
            Side::Server(server) => server.read_data(offset, to),
        }
    }

    /// Copies into the data area.
    pub(crate) fn write_data(&self, offset: usize, from: &[u8]) -> bool {
        match &self.side {
            Side::Client(client) => client.write_data(offset, from),
            Side::Server(server) => server.write_data(offset, from),
        }
    }

    /// Bytes of the data area.
    pub(crate) const fn data_length(&self) -> usize {
        match &self.side {
            Side::Client(client) => client.data_length(),
            Side::Server(server) => server.data_length(),
        }
    }
}
