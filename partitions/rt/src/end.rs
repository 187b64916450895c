//! One end of a channel with everything the runtime keeps about it.

use crate::information::{is_end, is_kind};
use crate::memory::{ChannelMemory, Window};
use crate::sys;
use abi::channel::{NO_VERSION, Role, Versions};
use abi::information::{Resource, ResourceKind};
use abi::types::{EventBit, Slot};
use ring::{ClientEnd, Doorbell, Head, Message, Refused, ServerEnd, Taken};

/// Either end.
#[expect(
    clippy::large_enum_variant,
    reason = "they live in room given once; there is no heap to box in"
)]
#[derive(Debug)]
enum Side {
    Client(ClientEnd<ChannelMemory>),
    Server(ServerEnd<ChannelMemory>),
}

/// Lets `action` use the end, whichever it is.
macro_rules! either {
    ($side:expr, $end:ident => $action:expr) => {
        match $side {
            Side::Client($end) => $action,
            Side::Server($end) => $action,
        }
    };
}

/// How the client of an end went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// It is there until this end lets go.
    Leaving,
    /// Its memory is not there any more.
    CutOff,
}

/// What befell an end of a channel that no message tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndEvent {
    /// Both ends speak no version of their messages in common. There is no peer before one of them is restarted.
    NoCommonVersion,
}

/// An end of a channel.
#[derive(Debug)]
pub struct End {
    side: Side,
    /// What the information pages said when it was opened.
    pub(crate) resource: Resource,
    /// The versions of the messages that the program speaks.
    versions: Versions,
    /// The partition was told that both ends have none in common.
    discord_told: bool,
    /// Where they said it.
    pub(crate) place: u32,
    /// Its client came while the partition ran, and the partition was not told yet.
    pub(crate) joined: bool,
    /// Its client is gone: nothing is done with it any more but telling the partition.
    pub(crate) left: Option<Left>,
    /// The peer was restarted, and the partition was not told yet.
    pub(crate) restarted: bool,
    /// The partition left something in the ring although it was told; it is told again at the next event.
    pub(crate) stalled: bool,
    /// The partition asked for what there is since it was told. It saw all there was, even where that came to nothing:
    /// completions nobody waits for, or a new epoch.
    pub(crate) touched: bool,
    /// The end after this one, see [`crate::agenda`].
    pub(crate) next: [u16; 2],
}

impl End {
    /// The end that `resource` describes, or `None` where that is not a channel or is impossible.
    pub(crate) fn new(place: u32, resource: &Resource, versions: Versions) -> Option<Self> {
        if !is_kind(resource, ResourceKind::Channel) {
            return None;
        }
        let window = Window::new(resource.address, resource.length)?;
        let memory = ChannelMemory::new(window, resource.ring_shift.into())?;
        let side = if is_end(resource, Role::Client) {
            Side::Client(ClientEnd::new(memory))
        } else {
            Side::Server(ServerEnd::new(memory))
        };
        let mut end = Self {
            side,
            resource: *resource,
            versions,
            discord_told: false,
            place,
            joined: false,
            left: None,
            restarted: false,
            stalled: false,
            touched: false,
            next: [u16::MAX; 2],
        };
        end.set_epoch(resource.epoch, resource.version);
        end.restarted = false;
        Some(end)
    }

    /// Takes over the epoch in force, if it is another one; the partition is to be told then.
    pub(crate) fn set_epoch(&mut self, epoch: u32, version: u32) {
        self.resource.version = version;
        self.take_version();
        let due = match &mut self.side {
            Side::Client(client) if client.epoch() != epoch => client.set_epoch(epoch),
            Side::Server(server) if server.told() != epoch => {
                server.set_epoch(epoch);
                // A client may have rung before the epoch was announced, and does not ring again for the same request.
                server.disarm();
                Doorbell::Quiet
            }
            _ => return,
        };
        self.resource.epoch = epoch;
        (self.restarted, self.discord_told) = (true, false);
        self.stalled = false;
        self.ring_if(due);
    }

    /// Speaks no other versions than these any more: what was opened before it was known what is spoken there.
    pub(crate) fn speak(&mut self, versions: Versions) {
        self.versions = Versions::from_bits(self.versions.bits() & versions.bits());
        self.take_version();
    }

    /// Says from the next epoch on which version is spoken.
    fn take_version(&mut self) {
        let version = self.resource.version;
        let version = if self.versions.has(version) { version } else { NO_VERSION };
        either!(&mut self.side, end => end.set_version(version));
    }

    /// Whether the ends speak no version in common.
    pub(crate) const fn discord(&self) -> bool {
        either!(&self.side, end => end.discord())
    }

    /// Whether the partition is still to be told that they do not.
    pub(crate) const fn discord_is_news(&self) -> bool {
        self.discord() && !self.discord_told
    }

    /// The same, once in an epoch. The peer may wait for a message that does not come: it is rung, and looks.
    pub(crate) fn take_discord(&mut self) -> bool {
        let news = self.discord_is_news();
        self.discord_told |= news;
        if news {
            self.ring_if(Doorbell::Ring);
        }
        news
    }

    /// Lets go of a channel whose client leaves, and says so to the resource manager, where the doorbell leads meanwhile.
    pub(crate) fn part(mut self) {
        if let (Side::Server(server), Some(Left::Leaving)) = (&mut self.side, self.left) {
            server.part();
            // The resource manager looks by itself if it cannot be rung.
            let _ = sys::ring(self.doorbell());
        }
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

    /// The client's end, to be held, with the server's doorbell. What it takes then counts as asked for.
    pub(crate) fn hold_client(&mut self) -> Option<(&mut ClientEnd<ChannelMemory>, Slot)> {
        self.touched = true;
        let doorbell = self.doorbell();
        match &mut self.side {
            Side::Client(client) => Some((client, doorbell)),
            Side::Server(_) => None,
        }
    }

    /// The server's end, likewise.
    pub(crate) fn hold_server(&mut self) -> Option<(&mut ServerEnd<ChannelMemory>, Slot)> {
        self.touched = true;
        let doorbell = self.doorbell();
        match &mut self.side {
            Side::Server(server) => Some((server, doorbell)),
            Side::Client(_) => None,
        }
    }

    /// Takes the next completion, or what was lost.
    #[inline(always)]
    pub(crate) fn take_answer(&mut self, message: &mut Message) -> Option<Taken> {
        self.touched = true;
        match &mut self.side {
            Side::Client(client) => client.take(message),
            Side::Server(_) => None,
        }
    }

    /// Takes the next request; returns the epoch it belongs to.
    #[inline(always)]
    pub(crate) fn take_request(&mut self, message: &mut Message) -> Option<u32> {
        self.touched = true;
        match &mut self.side {
            Side::Server(server) => server.take(message),
            Side::Client(_) => None,
        }
    }

    /// Sends a request without telling the server yet; returns its id.
    pub(crate) fn send_quietly(&mut self, head: Head, payload: &[u8]) -> Result<u64, Refused> {
        let Side::Client(client) = &mut self.side else { return Err(Refused::NothingOpen) };
        if client.room() == 0 {
            // Answers that nobody waits for may be in the way: looking passes them over.
            let _ = client.ready();
        }
        client.send(head, payload)
    }

    /// Rings the peer if it sleeps.
    pub(crate) fn tell(&mut self) {
        let due = self.due();
        self.ring_if(due);
    }

    /// Whether the peer's doorbell is due.
    pub(crate) fn due(&mut self) -> Doorbell {
        either!(&mut self.side, end => end.notify())
    }

    /// Sends a request and tells the server, or returns `None` where that is not done at once.
    #[inline(always)]
    pub(crate) fn try_send(&mut self, head: Head, payload: &[u8]) -> Option<u64> {
        let Side::Client(client) = &mut self.side else { return None };
        let id = client.send(head, payload).ok()?;
        if client.peer_sleeps() { self.told(id) } else { Some(id) }
    }

    /// Sends a request and tells the server.
    pub(crate) fn send(&mut self, head: Head, payload: &[u8]) -> Result<u64, Refused> {
        let id = self.send_quietly(head, payload)?;
        self.tell();
        Ok(id)
    }

    #[cold]
    #[inline(never)]
    fn told(&mut self, id: u64) -> Option<u64> {
        self.tell();
        Some(id)
    }

    /// Sends a lost request again.
    pub(crate) fn send_again(&mut self, message: &Message) -> bool {
        let Side::Client(client) = &mut self.side else { return false };
        let sent = client.send_again(message);
        if sent {
            self.tell();
        }
        sent
    }

    /// Completes a request and tells the client. One that is gone, or broke the rules, loses its answer.
    #[inline(always)]
    pub(crate) fn complete(&mut self, epoch: u32, id: u64, code: u16, payload: &[u8]) {
        if let Side::Server(server) = &mut self.side
            && server.complete(epoch, id, code, payload).is_ok()
            && server.peer_sleeps()
        {
            self.told(id);
        }
    }

    /// Whether somebody waits for that request.
    pub(crate) fn awaits(&self, id: u64) -> bool {
        match &self.side {
            Side::Client(client) => client.awaits(id),
            Side::Server(_) => false,
        }
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
    pub(crate) const fn room(&self) -> u32 {
        match &self.side {
            Side::Client(client) => client.room(),
            Side::Server(_) => 0,
        }
    }

    /// Whether nothing of it is left to be looked at before it is rung or its record changes. A server's end that waits for its client to
    /// set itself up for an epoch does not rest: taking that epoch over disarms it.
    pub(crate) fn rests(&self) -> bool {
        let news = self.stalled || self.joined || self.restarted || self.left.is_some();
        match &self.side {
            Side::Client(_) => false,
            Side::Server(server) => {
                let settled = server.armed() && server.told() == server.epoch();
                settled && !news && !self.discord_is_news()
            }
        }
    }

    /// Something came with these events: awake, if it was rung. True if it was.
    pub(crate) fn wake(&mut self, events: u64) -> bool {
        let rung = self.armed() && self.events() & events != 0;
        if rung {
            self.disarm();
        }
        rung
    }

    /// Something came with these events: what was left behind is told once more.
    pub(crate) fn give_chance(&mut self, events: u64) {
        if events != 0 && core::mem::take(&mut self.stalled) {
            self.disarm();
        }
    }

    /// Prepares to sleep; true if there is something to take.
    pub(crate) fn arm(&mut self) -> bool {
        either!(&mut self.side, end => end.arm())
    }

    /// Awake.
    pub(crate) fn disarm(&mut self) {
        either!(&mut self.side, end => end.disarm());
    }

    /// Whether it is armed: then the peer rings when there is something.
    pub(crate) const fn armed(&self) -> bool {
        either!(&self.side, end => end.armed())
    }

    /// Whether there is something to take.
    pub(crate) fn ready(&mut self) -> bool {
        either!(&mut self.side, end => end.ready())
    }

    /// Whether the peer broke the rules of the ring in this epoch.
    pub(crate) const fn broken(&self) -> bool {
        either!(&self.side, end => end.broken())
    }

    /// Copies out of the data area.
    pub(crate) fn read_data(&self, offset: usize, to: &mut [u8]) -> bool {
        either!(&self.side, end => end.read_data(offset, to))
    }

    /// Copies into the data area.
    pub(crate) fn write_data(&self, offset: usize, from: &[u8]) -> bool {
        either!(&self.side, end => end.write_data(offset, from))
    }

    /// Bytes of the data area.
    pub(crate) fn data_length(&self) -> usize {
        either!(&self.side, end => end.data_length())
    }
}
