//! A partition's view of the system: its channels, devices and timers, by name.

use crate::agenda::{Agenda, By, list_of_place};
use crate::capability::{Capability, object};
use crate::channel::{CallError, Client, Server};
use crate::device::{Device, Framebuffer};
use crate::end::End;
use crate::information::{Pages, is_end, is_for, is_kind};
use crate::log;
use crate::memory::Window;
use crate::places::{Places, serves};
use crate::protocol::{Console, Protocol};
use crate::received::Owed;
use crate::report::{IdleState, Page};
use crate::saved::Saved;
use crate::signal::{Interrupt, Source, Timer};
use crate::time;
use abi::channel::{Role, Versions};
use abi::image::name_text;
use abi::information::{Information, Resource, ResourceKind};
use abi::types::{EventBit, Nanoseconds, Slot};
use arrayvec::ArrayVec;
use ring::{Head, Message, Taken};

/// Most timers that run at a time.
pub const TIMERS: usize = 16;
/// Most interrupts of one partition.
pub const INTERRUPTS: usize = 8;
/// Most channels that [`System::servers`] lists.
pub const SERVERS: usize = 128;
/// The name of the channel that text goes to.
const CONSOLE: &str = "console";

/// What a partition can use. The runtime has the only one and lends it to every event entry.
pub struct System {
    pub(crate) pages: Option<Pages>,
    pub(crate) information: Option<Information>,
    pub(crate) report: Page,
    /// Signs of life given.
    pub(crate) turns: u64,
    /// The request about the heap that was answered last.
    pub(crate) heap_request: u64,
    pub(crate) ends: &'static mut [Option<End>],
    pub(crate) agenda: Agenda,
    pub(crate) timers: ArrayVec<(Nanoseconds, Timer), TIMERS>,
    pub(crate) interrupts: ArrayVec<Interrupt, INTERRUPTS>,
    pub(crate) saved: Saved,
    /// How many changes of records were looked at.
    pub(crate) changes: u64,
    /// Places at which there is the channel of a client.
    pub(crate) known: Places,
    /// Events that came while the partition waited for something else.
    pub(crate) pending: u64,
    /// How deep the event loop sleeps.
    pub(crate) depth: IdleState,
    next_timer: u64,
}

impl System {
    /// The system of a partition whose channels find room in `ends`.
    pub(crate) fn new(ends: &'static mut [Option<End>]) -> Self {
        let pages = Pages::find();
        let information = pages.and_then(|pages| pages.header());
        let pages = information.and(pages);
        let mut system = Self {
            pages,
            information,
            turns: 0,
            report: pages.map_or_else(Page::default, |_| Page::find()),
            heap_request: information.map_or(0, |information| information.heap_request),
            ends,
            agenda: Agenda::default(),
            timers: ArrayVec::new(),
            interrupts: ArrayVec::new(),
            saved: Saved::default(),
            changes: 0,
            known: Places::default(),
            pending: 0,
            depth: IdleState::Shallow,
            next_timer: 0,
        };
        system.note_all();
        system.find_voice();
        system
    }

    fn find_voice(&mut self) {
        let debug = self.debug().map(Capability::slot);
        let console = self
            .resource(CONSOLE, |one| is_end(one, Role::Client) && is_for(one, Console::KINDS))
            .and_then(|(place, resource)| End::new(place, &resource, Console::VERSIONS));
        log::with(|voice| {
            voice.console = console;
            voice.debug = debug.or(voice.debug);
        });
    }

    /// A channel came: from now on text goes there, if it is for text and there was none.
    pub(crate) fn hear_of_voice(&self, place: u32, resource: &Resource) {
        let console = is_end(resource, Role::Client)
            && is_for(resource, Console::KINDS)
            && name_text(&resource.name) == CONSOLE;
        if console {
            log::with(|voice| {
                voice.console =
                    voice.console.take().or_else(|| End::new(place, resource, Console::VERSIONS));
            });
        }
    }

    fn resources(&self) -> impl Iterator<Item = (u32, Resource)> + use<> {
        self.pages.into_iter().flat_map(|pages| pages.records(0))
    }

    fn resource(&self, name: &str, fits: impl Fn(&Resource) -> bool) -> Option<(u32, Resource)> {
        self.resources().find(|(_, one)| name_text(&one.name) == name && fits(one))
    }

    fn of_kind(&self, name: &str, kind: ResourceKind) -> Option<Resource> {
        self.resource(name, |resource| is_kind(resource, kind)).map(|(_, resource)| resource)
    }

    /// What the resource manager says about this partition; `None` where there are no such pages.
    #[must_use]
    pub const fn information(&self) -> Option<&Information> {
        self.information.as_ref()
    }

    /// The client's end of the channel with this name, if there is one on which `P` is spoken.
    pub fn client<P: Protocol>(&mut self, name: &str) -> Option<Client<P>> {
        let (place, resource) =
            self.resource(name, |one| is_end(one, Role::Client) && is_for(one, P::KINDS))?;
        self.open(place, &resource, P::VERSIONS).map(Client::at)
    }

    /// The server's end of the channel with this name, if there is one on which `P` is spoken.
    pub fn server<P: Protocol>(&mut self, name: &str) -> Option<Server<P>> {
        let (place, resource) = self.resource(name, serves::<P>)?;
        self.open(place, &resource, P::VERSIONS).map(Server::at)
    }

    /// All channels on which this partition serves `P`, but no more than [`SERVERS`].
    pub fn servers<P: Protocol>(&mut self) -> ArrayVec<Server<P>, SERVERS> {
        let (mut servers, mut from) = (ArrayVec::new(), 0);
        while let Some(server) = self.next_server(&mut from) {
            // What is beyond the limit stays unserved, as it would without room for its end.
            let _ = servers.try_push(server);
        }
        servers
    }

    /// The console: the channel that [`crate::log!`] writes to, for input and whatever else a console can.
    #[must_use]
    pub fn console(&self) -> Option<Client<Console>> {
        log::with(|voice| voice.console.is_some())?.then(|| Client::at(Source::Voice))
    }

    /// Where the end for `resource` is, after opening it if need be.
    pub(crate) fn open(
        &mut self,
        place: u32,
        resource: &Resource,
        versions: Versions,
    ) -> Option<Source> {
        if self.is_voice(resource) {
            return Some(Source::Voice);
        }
        let known = |end: &End| same(&end.resource, resource) && end.left.is_none();
        let index = match self.find_end(By::Place, list_of_place(place), known) {
            Some(index) => {
                let end = self.ends.get_mut(index).and_then(Option::as_mut);
                end.into_iter().for_each(|end| end.speak(versions));
                index
            }
            None => self.keep(End::new(place, resource, versions)?)?,
        };
        u16::try_from(index).ok().map(Source::End)
    }

    fn is_voice(&self, resource: &Resource) -> bool {
        log::with(|voice| voice.console.as_ref().is_some_and(|end| same(&end.resource, resource)))
            .unwrap_or(false)
    }

    /// Lets `action` use an end; `None` for a handle that leads nowhere.
    pub(crate) fn with_end<R>(
        &mut self,
        source: Source,
        action: impl FnOnce(&mut End) -> R,
    ) -> Option<R> {
        match self.end(source) {
            Some(end) => Some(action(end)),
            None => with_voice(source, action),
        }
    }

    /// An end that is this system's own.
    #[inline]
    pub(crate) fn end(&mut self, source: Source) -> Option<&mut End> {
        match source {
            Source::End(index) => {
                self.ends.get_mut(usize::from(index))?.as_mut().filter(|end| end.left.is_none())
            }
            Source::Voice | Source::Interrupt(_) | Source::Nowhere => None,
        }
    }

    /// Sends a request and tells the server; returns its id.
    #[inline]
    pub(crate) fn send(
        &mut self,
        source: Source,
        head: Head,
        payload: &[u8],
    ) -> Result<u64, CallError> {
        match self.try_send(source, head, payload) {
            Some(id) => Ok(id),
            None => self.send_slowly(source, head, payload),
        }
    }

    // The short ways are functions of their own, each once in a program, with everything rare out of the way.
    #[inline(never)]
    fn try_send(&mut self, source: Source, head: Head, payload: &[u8]) -> Option<u64> {
        self.end(source)?.try_send(head, payload)
    }

    #[cold]
    #[inline(never)]
    fn send_slowly(
        &mut self,
        source: Source,
        head: Head,
        payload: &[u8],
    ) -> Result<u64, CallError> {
        if self.with_end(source, |end| end.discord()) == Some(true) {
            return Err(CallError::NoVersion);
        }
        let sent = self.with_end(source, |end| end.send(head, payload));
        Ok(sent.ok_or(CallError::NoPeer)??)
    }

    /// Takes the next completion, or what was lost, into `message`.
    #[inline(never)]
    pub(crate) fn take_answer(&mut self, source: Source, message: &mut Message) -> Option<Taken> {
        match self.end(source) {
            Some(end) => end.take_answer(message),
            None => take_from_voice(source, message),
        }
    }

    /// Takes the next request into `message`; returns the epoch it belongs to.
    #[inline(never)]
    pub(crate) fn take_request(&mut self, source: Source, message: &mut Message) -> Option<u32> {
        let taken = self.end(source)?.take_request(message);
        if taken.is_none() {
            self.look_again_at(source);
        }
        taken
    }

    /// Completes a request and tells the client.
    #[inline(never)]
    pub(crate) fn complete(&mut self, source: Source, owed: Owed, code: u16, payload: &[u8]) {
        if let Some(end) = self.end(source) {
            end.complete(owed.epoch, owed.id, code, payload);
        }
    }

    /// Whether one more idempotent request can be kept.
    pub(crate) fn can_save(&mut self) -> bool {
        let mut saved = core::mem::take(&mut self.saved);
        let room = saved
            .make_room(|source, id| self.with_end(source, |end| end.awaits(id)).unwrap_or(false));
        self.saved = saved;
        room
    }

    /// The interrupt with this name. Its signal comes for each; [`Interrupt::acknowledge`] lets the next one come.
    pub fn interrupt(&mut self, name: &str) -> Option<Interrupt> {
        let resource = self.of_kind(name, ResourceKind::Interrupt)?;
        let bit = EventBit::new(resource.event)?;
        let interrupt = Interrupt::new(Capability::in_slot(Slot::new(resource.slot)), bit);
        if !self.interrupts.contains(&interrupt) {
            self.interrupts.try_push(interrupt).ok()?;
        }
        Some(interrupt)
    }

    /// The I/O ports with this name, and the first of them.
    #[must_use]
    pub fn ports(&self, name: &str) -> Option<(Capability<object::Ports>, u16)> {
        let resource = self.of_kind(name, ResourceKind::Ports)?;
        let first = u16::try_from(resource.address).ok()?;
        Some((Capability::in_slot(Slot::new(resource.slot)), first))
    }

    /// The device registers with this name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<Device> {
        let resource = self.of_kind(name, ResourceKind::Device)?;
        Window::new(resource.address, resource.length).map(Device)
    }

    /// The firmware's framebuffer, granted under this name; `None` where the machine was started without one.
    #[must_use]
    pub fn framebuffer(&self, name: &str) -> Option<Framebuffer> {
        let resource = self.of_kind(name, ResourceKind::Framebuffer)?;
        let memory = Window::new(resource.address, resource.length).map(Device)?;
        let Resource { epoch: width, id: height, peer: pitch, version: depth, .. } = resource;
        (memory.length() > 0).then_some(Framebuffer { memory, width, height, pitch, depth })
    }

    /// The debug port, if this partition may write to it.
    #[must_use]
    pub fn debug(&self) -> Option<Capability<object::Debug>> {
        let resource = self.resources().find(|(_, one)| is_kind(one, ResourceKind::Debug))?.1;
        Some(Capability::in_slot(Slot::new(resource.slot)))
    }

    /// Any other capability, by its name. If it is not of kind `K` the kernel refuses its use.
    #[must_use]
    pub fn capability<K>(&self, name: &str) -> Option<Capability<K>> {
        let resource = self.of_kind(name, ResourceKind::Capability)?;
        Some(Capability::in_slot(Slot::new(resource.slot)))
    }

    /// Memory that outlives restarts, where the manifest grants some.
    #[must_use]
    pub fn lasting(&self) -> Option<Window> {
        let length = self.information?.lasting;
        Window::new(abi::layout::LASTING, length).filter(|window| window.length() != 0)
    }

    /// Runs the entry `deadline` at this time. `None` if too many timers run.
    pub fn at(&mut self, time: Nanoseconds) -> Option<Timer> {
        self.next_timer = self.next_timer.wrapping_add(1);
        let timer = Timer::new(self.next_timer);
        self.timers.try_push((time, timer)).ok()?;
        Some(timer)
    }

    /// Runs the entry `deadline` after this length of time. `None` if too many timers run.
    pub fn after(&mut self, length: Nanoseconds) -> Option<Timer> {
        self.at(time::after(length))
    }

    /// Stops a timer that may still run.
    pub fn cancel(&mut self, timer: Timer) {
        self.timers.retain(|(_, one)| *one != timer);
    }

    /// The earliest timer, if its time has come; it is over then.
    pub(crate) fn due_timer(&mut self) -> Option<Timer> {
        let (place, (time, _)) = self.timers.iter().enumerate().min_by_key(|(_, (at, _))| *at)?;
        let due = *time <= time::now();
        due.then(|| self.timers.remove(place).1)
    }

    /// When the next timer ends.
    pub(crate) fn next_deadline(&self) -> Nanoseconds {
        self.timers.iter().map(|(at, _)| *at).min().unwrap_or(Nanoseconds::NEVER)
    }
}

/// Lets `action` use the end that the log is written to, if that is what is meant.
#[cold]
#[inline(never)]
fn with_voice<R>(source: Source, action: impl FnOnce(&mut End) -> R) -> Option<R> {
    match source {
        Source::Voice => log::with(|voice| voice.console.as_mut().map(action)).flatten(),
        Source::End(_) | Source::Interrupt(_) | Source::Nowhere => None,
    }
}

#[cold]
#[inline(never)]
fn take_from_voice(source: Source, message: &mut Message) -> Option<Taken> {
    with_voice(source, |end| end.take_answer(message)).flatten()
}

/// Whether both describe the same end of the same channel. Number and address are another's once a client is gone for good, perhaps
/// before this partition has heard of it.
pub(crate) fn same(one: &Resource, other: &Resource) -> bool {
    let channel = |one: &Resource| (one.id, one.role, one.address, one.kind);
    let of_whom = |one: &Resource| (one.peer, one.channel_kind, one.name);
    channel(one) == channel(other) && of_whom(one) == of_whom(other)
}
