//! The partition: the channels "console" and "resource" behind the surroundings of a [`Session`].

use crate::dumping::MESSAGES;
use crate::policy::{Established, establish};
use crate::{Reply, Session, Surroundings, Trouble};
use abi::channel::INLINE;
use abi::manifest::RESOURCE_CHANNEL;
use abi::message::console::{AttachRequest, ConsoleRequest, ConsoleStatus, ScrollbackRequest};
use abi::message::resource::{Index, ResourceRequest, ResourceStatus};
use charges::{Charges, Ways};
use core::fmt;
use rt::protocol::{Console, Resources};
use rt::time::{after, milliseconds, now, seconds};
use rt::{Answer, CallError, Client, Nanoseconds, Partition, Signal, Start, System, Timer};

/// How long the resource manager may take: it may be in the middle of its own restart.
const PATIENCE: Nanoseconds = seconds(10);
/// How long text may wait for the console service before it is dropped.
const TEXT_PATIENCE: Nanoseconds = seconds(1);
/// How long the console service may take to answer what it knows at once.
const QUICK: Nanoseconds = milliseconds(500);
/// When the making of the rest is taken up again where it was not this partition's yet, or came to nothing.
const POLICY_AGAIN: Nanoseconds = milliseconds(2);
/// When input is asked for again after it was refused.
const INPUT_AGAIN: Nanoseconds = seconds(1);

/// When the console service is asked again whether it takes more of a dump.
const ROOM_AGAIN: Nanoseconds = milliseconds(1);
/// Pieces of a dump that are written before others are looked after.
const TURNS: u32 = 4;

/// The channels, while an event is handled.
struct World<'a> {
    system: &'a mut System,
    console: Client<Console>,
    resource: Client<Resources>,
    /// What was typed, where that was answered while something else was asked.
    input: &'a mut Option<Answer<Console>>,
    text: [u8; INLINE],
    length: usize,
    /// Nobody takes text any more; the rest of this event's is dropped.
    unheard: bool,
}

impl World<'_> {
    fn ask_console(
        &mut self,
        request: ConsoleRequest,
        body: &[u8],
        deadline: Nanoseconds,
    ) -> Result<Reply, Trouble> {
        self.flush();
        // While something is under way input is asked for already.
        let aside = |answer| *self.input = Some(answer);
        let answer = self.console.call_aside(self.system, request, body, deadline, aside);
        let answer = answer.map_err(|_| Trouble::NoAnswer)?;
        match answer.status() {
            Ok(ConsoleStatus::Ok) => Ok(Reply::new(answer.bytes())),
            Ok(status) => Err(Trouble::Console(status)),
            Err(_) => Err(Trouble::Nonsense),
        }
    }
}

impl fmt::Write for World<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.show(text.as_bytes());
        Ok(())
    }

    // Most characters that come alone fill columns.
    fn write_char(&mut self, letter: char) -> fmt::Result {
        self.write_str(letter.encode_utf8(&mut [0; 4]))
    }
}

impl Surroundings for World<'_> {
    fn show(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            if self.length == INLINE {
                self.flush();
            }
            let room = self.text.get_mut(self.length..).unwrap_or_default();
            let (now, later) = left.split_at(left.len().min(room.len()));
            room.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
            self.length = self.length.saturating_add(now.len());
            left = later;
        }
    }

    fn flush(&mut self) {
        let text = self.text.get(..self.length).unwrap_or_default();
        if !text.is_empty() && !self.unheard {
            let deadline = after(TEXT_PATIENCE);
            let sent = self.console.post_by(self.system, ConsoleRequest::Write, text, deadline);
            self.unheard = sent.is_err();
        }
        self.length = 0;
    }

    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Reply, Trouble> {
        let answer = self.resource.call(self.system, request, body, after(PATIENCE));
        let answer = answer.map_err(|error| match error {
            CallError::PeerRestarted => Trouble::Restarted,
            _ => Trouble::NoAnswer,
        })?;
        match answer.status() {
            Ok(ResourceStatus::Ok) => Ok(Reply::new(answer.bytes())),
            Ok(status) => {
                let error = answer.body::<Index>().map(|error| error.index);
                Err(Trouble::Refused(status, error))
            }
            Err(_) => Err(Trouble::Nonsense),
        }
    }

    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        self.resource.read_data(self.system, offset, to)
    }

    fn scrollback(&mut self, partition: u32, offset: u32) -> Result<Reply, Trouble> {
        let request = ScrollbackRequest { partition, offset };
        self.ask_console(ConsoleRequest::Scrollback, rt::bytes(&request), after(QUICK))
    }

    fn attach(&mut self, partition: u32) -> Result<(), Trouble> {
        let request = AttachRequest { partition };
        self.ask_console(ConsoleRequest::Attach, rt::bytes(&request), Nanoseconds::NEVER).map(drop)
    }

    fn columns(&mut self) -> u16 {
        let size = self.ask_console(ConsoleRequest::Size, &[], after(QUICK));
        let size = size.and_then(|reply| Ok(reply.record::<[u8; 4]>()?));
        size.map_or(0, |[low, high, ..]| u16::from_le_bytes([low, high]))
    }

    fn now(&self) -> Nanoseconds {
        now()
    }

    fn myself(&self) -> u32 {
        self.system.information().map_or(0, |information| information.partition)
    }
}

/// The operator's console.
pub struct Main {
    session: Session,
    console: Client<Console>,
    resource: Client<Resources>,
    /// Those whom this partition rescues; it holds no right over them and only asks.
    charges: Charges,
    /// See [`World::input`].
    input: Option<Answer<Console>>,
    /// Takes the making of the rest up again when it ends.
    policy_again: Option<Timer>,
    /// Asks for input again when it ends.
    input_again: Option<Timer>,
    /// Goes on with what is under way when it ends.
    going_on: Option<Timer>,
    /// The first prompt was shown.
    begun: bool,
}

impl Main {
    /// Lets the session act on the world.
    fn act(&mut self, system: &mut System, action: impl FnOnce(&mut Session, &mut World<'_>)) {
        let (console, resource) = (self.console, self.resource);
        let (input, text) = (&mut self.input, [0; INLINE]);
        let mut world = World { system, console, resource, input, text, length: 0, unheard: false };
        action(&mut self.session, &mut world);
        world.flush();
    }

    /// Goes on with what is under way, as far as the console service takes it.
    fn go_on(&mut self, system: &mut System) {
        let (mut turns, mut again) = (0..TURNS, Nanoseconds::NOW);
        while self.session.is_busy() && turns.next().is_some() {
            if self.console.room(system) < MESSAGES {
                again = ROOM_AGAIN;
                break;
            }
            self.act(system, |session, world| session.go_on(world));
        }
        self.go_on_after(system, again);
        self.take_all_input(system);
    }

    /// Has what is under way go on soon.
    fn go_on_after(&mut self, system: &mut System, time: Nanoseconds) {
        if self.session.is_busy() && self.going_on.is_none() {
            self.going_on = system.after(time);
        }
    }

    /// Has the rest made, then shows the first prompt.
    fn establish(&mut self, system: &mut System) {
        let mut established = Established::NotYet;
        self.act(system, |_, world| established = establish(world));
        if established == Established::NotYet {
            self.policy_again = system.after(POLICY_AGAIN);
        } else if !self.begun {
            self.begin(system);
        }
    }

    /// Shows the first prompt as soon as there is a console service.
    fn begin(&mut self, system: &mut System) {
        self.begun = self.console.room(system) > 0;
        if self.begun {
            self.act(system, |session, world| session.start(world));
            self.ask_for_input(system);
        }
    }

    /// Asks for what is typed next; a restarted console service is asked again by the runtime.
    fn ask_for_input(&mut self, system: &mut System) {
        let asked = self.console.send_idempotent(system, ConsoleRequest::Read, &[]);
        if asked.is_err() {
            self.input_again = system.after(INPUT_AGAIN);
        }
    }

    fn take_all_input(&mut self, system: &mut System) {
        while self.take_input(system) {}
    }

    /// One answer to the request for input; whether there was one.
    fn take_input(&mut self, system: &mut System) -> bool {
        let answer = self.input.take().or_else(|| self.console.next(system));
        let Some(answer) = answer else { return false };
        if answer.status() == Ok(ConsoleStatus::Ok) {
            self.act(system, |session, world| session.typed(world, answer.bytes()));
            self.go_on_after(system, Nanoseconds::NOW);
            self.ask_for_input(system);
        } else {
            self.input_again = system.after(INPUT_AGAIN);
        }
        true
    }
}

impl Partition for Main {
    fn started(system: &mut System, _start: &Start) -> Self {
        let resource = system.client(RESOURCE_CHANNEL);
        let mut main = Self {
            session: Session::new(),
            console: system.client("console").unwrap_or_default(),
            resource: resource.unwrap_or_default(),
            input: None,
            // The person's screen is not the place for it: who comes back says so itself, in `log`.
            charges: Charges::new(system, resource, Ways { say: |_| {}, beside: || {} }),
            policy_again: None,
            input_again: None,
            going_on: None,
            begun: false,
        };
        main.establish(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if signal.is(self.console) {
            self.take_all_input(system);
        }
    }

    fn peer_restarted(&mut self, system: &mut System, signal: Signal) {
        if !signal.is(self.console) {
            return;
        }
        if self.begun {
            self.act(system, |session, world| session.show_again(world));
            self.take_all_input(system);
        } else if self.policy_again.is_none() {
            self.begin(system);
        }
    }

    fn rescue(&mut self, system: &mut System) {
        self.charges.rescue(system);
    }

    fn deadline(&mut self, system: &mut System, timer: Timer) {
        if self.going_on == Some(timer) {
            self.going_on = None;
            self.go_on(system);
        } else if self.policy_again == Some(timer) {
            self.policy_again = None;
            self.establish(system);
        } else if self.input_again == Some(timer) {
            self.input_again = None;
            self.ask_for_input(system);
        } else if self.charges.deadline(system, timer) {
            self.charges.rescue(system);
        }
    }
}
