//! One console for each partition, and the operator's terminal, which is attached to one of them.
//!
//! Pure: requests and typed bytes go in, answers go to [`Clients`], text for the terminal into a queue of bounded
//! length. A client can fill its own scrollback and, while it is attached, that queue; then its further requests
//! stay in its channel until the terminal has taken some ([`Consoles::may_take`]). Nothing it sends costs another client more.

use crate::uart::{Traffic, piece};
use abi::channel::INLINE;
use abi::manifest::NO_PARTITION;
use abi::marks::{ATTACHED, LEAVE};
use abi::message::console::{AttachRequest, ConsoleRequest, ConsoleStatus, ScrollbackRequest};
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use scrollback::Scrollback;
use zerocopy::FromBytes;

/// Most open reads of one client.
pub const OPEN_READS: usize = 4;
/// Typed bytes kept for a console that does not read; what is typed then is lost.
pub const TYPED_AHEAD: usize = 1024;
/// Bytes of scrollback of one console.
pub const KEPT: usize = 16 * 1024;
/// Bytes that wait for the terminal.
pub const WAITING: usize = 4096;
/// The place that the terminal shows once the operator is gone.
const NOBODY: usize = usize::MAX;
/// What one request can add to the terminal's queue, [`ATTACHED`] too: each line feed becomes two bytes.
const LONGEST: usize = 2 * INLINE;

/// Carries answers to clients.
pub trait Clients {
    /// Names an open request.
    type Ticket: Copy;
    /// Completes a request of the client whose console is number `place`.
    fn answer(&mut self, place: usize, ticket: Self::Ticket, status: ConsoleStatus, bytes: &[u8]);
}

/// A request of a client, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a, T> {
    /// To be given back with the answer.
    pub ticket: T,
    /// What is asked; `None` where the code means nothing.
    pub code: Option<ConsoleRequest>,
    /// What came with it.
    pub bytes: &'a [u8],
}

struct Console<T> {
    /// [`abi::types::PartitionId`] of the client.
    partition: u32,
    kept: Scrollback<Vec<u8>>,
    typed: VecDeque<u8>,
    reads: VecDeque<T>,
}

/// All consoles and the terminal.
pub struct Consoles<T> {
    all: Vec<Console<T>>,
    /// Whose console is the operator's, once it is known.
    operator: Option<usize>,
    attached: usize,
    /// The operator's request to be completed on Ctrl-].
    attach: Option<T>,
    waiting: VecDeque<u8>,
    after_return: bool,
    /// Bytes of memory left for scrollback.
    budget: usize,
}

impl<T: Copy> Consoles<T> {
    /// No consoles yet, and so many bytes for the scrollback of all.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self {
            all: Vec::new(),
            operator: None,
            attached: 0,
            attach: None,
            waiting: VecDeque::with_capacity(WAITING),
            after_return: false,
            budget,
        }
    }

    /// One console more, of this partition; returns its place, counted from 0. There is one operator at a time: another that calls itself so
    /// gets a console like any other.
    pub fn add(&mut self, partition: u32, operator: bool) -> usize {
        let place = self.all.len();
        let kept = Scrollback::new(Vec::new());
        self.all.push(Console { partition, kept, typed: VecDeque::new(), reads: VecDeque::new() });
        if operator && self.operator.is_none() {
            self.operator = Some(place);
            self.attached = place;
        }
        place
    }

    /// The client at this place was restarted: nothing is open any more, what it had written stays. If another
    /// partition sits there now, it gets an empty console.
    pub fn forget(&mut self, place: usize, partition: u32) {
        if let Some(console) = self.all.get_mut(place) {
            if console.partition != partition {
                console.partition = partition;
                console.kept.clear();
            }
            console.reads.clear();
            console.typed.clear();
        }
        if self.operator == Some(place) {
            self.attach = None;
            self.attached = place;
        }
    }

    /// The client at this place is gone; its console is the next one's. A terminal that showed it goes back to the operator's.
    pub fn left<C: Clients<Ticket = T>>(&mut self, clients: &mut C, place: usize) {
        if self.attached == place {
            self.detach(clients);
        }
        self.forget(place, NO_PARTITION);
        if self.operator == Some(place) {
            // Whoever gets its place gets neither its rights nor the terminal.
            (self.operator, self.attached) = (None, NOBODY);
        }
    }

    /// The place of the console that the terminal shows.
    #[must_use]
    pub const fn attached(&self) -> usize {
        self.attached
    }

    /// Whether the next request of this client can be served now.
    #[must_use]
    pub fn may_take(&self, place: usize) -> bool {
        place != self.attached || self.waiting.len().saturating_add(LONGEST) <= WAITING
    }

    /// Serves one request of the client at `place`.
    pub fn request<C: Clients<Ticket = T>>(
        &mut self,
        clients: &mut C,
        place: usize,
        asked: &Asked<'_, T>,
    ) {
        let status = match asked.code {
            Some(ConsoleRequest::Write) => self.write(place, asked.bytes),
            Some(ConsoleRequest::Read) => return self.read(clients, place, asked.ticket),
            // A serial line does not tell how large the terminal is: columns and rows unknown.
            Some(ConsoleRequest::Size) => {
                return clients.answer(place, asked.ticket, ConsoleStatus::Ok, &[0; 4]);
            }
            Some(_) if self.operator != Some(place) => ConsoleStatus::NotAllowed,
            Some(ConsoleRequest::Attach) => return self.attach(clients, place, asked),
            Some(ConsoleRequest::Scrollback) => return self.scrollback(clients, place, asked),
            None => ConsoleStatus::Malformed,
        };
        clients.answer(place, asked.ticket, status, &[]);
    }

    /// A byte was typed at the terminal.
    pub fn typed<C: Clients<Ticket = T>>(&mut self, clients: &mut C, byte: u8) {
        if byte == LEAVE {
            return self.detach(clients);
        }
        let Some(console) = self.all.get_mut(self.attached) else { return };
        if console.typed.len() < TYPED_AHEAD {
            console.typed.push_back(byte);
        }
        self.answer_reads(clients, self.attached);
    }

    fn write(&mut self, place: usize, bytes: &[u8]) -> ConsoleStatus {
        self.keep(place, bytes);
        if place == self.attached {
            self.show(bytes);
        }
        ConsoleStatus::Ok
    }

    /// Keeps text; memory for it is taken when a client first writes.
    fn keep(&mut self, place: usize, bytes: &[u8]) {
        let Some(console) = self.all.get_mut(place) else { return };
        if console.kept.capacity() == 0 && self.budget >= KEPT {
            self.budget = self.budget.saturating_sub(KEPT);
            console.kept = Scrollback::new(vec![0; KEPT]);
        }
        console.kept.push(bytes);
    }

    /// Puts text into the terminal's queue; a line feed alone starts a new line there.
    fn show(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.wait(text);
            self.after_return = text.last().map_or(self.after_return, |last| *last == b'\r');
            if text.len() < line.len() {
                self.wait(if self.after_return { b"\n" } else { b"\r\n" });
                self.after_return = false;
            }
        }
    }

    fn wait(&mut self, bytes: &[u8]) {
        let room = WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(bytes.get(..room).unwrap_or(bytes));
    }

    fn read<C: Clients<Ticket = T>>(&mut self, clients: &mut C, place: usize, ticket: T) {
        match self.all.get_mut(place) {
            Some(console) if console.reads.len() < OPEN_READS => console.reads.push_back(ticket),
            _ => return clients.answer(place, ticket, ConsoleStatus::Malformed, &[]),
        }
        self.answer_reads(clients, place);
    }

    fn answer_reads<C: Clients<Ticket = T>>(&mut self, clients: &mut C, place: usize) {
        let Some(console) = self.all.get_mut(place) else { return };
        if console.typed.is_empty() {
            return;
        }
        if let Some(ticket) = console.reads.pop_front() {
            let count = console.typed.len().min(INLINE);
            let bytes: Vec<u8> = console.typed.drain(..count).collect();
            clients.answer(place, ticket, ConsoleStatus::Ok, &bytes);
        }
    }

    fn attach<C: Clients<Ticket = T>>(
        &mut self,
        clients: &mut C,
        place: usize,
        asked: &Asked<'_, T>,
    ) {
        let found = AttachRequest::read_from_bytes(asked.bytes)
            .map_err(|_| ConsoleStatus::Malformed)
            .and_then(|request| self.find(request.partition));
        match found {
            Ok(found) if found != place => {
                // One that asks again while another has the terminal takes none of its room.
                let shown = self.attached == place;
                self.detach(clients);
                self.attached = found;
                self.attach = Some(asked.ticket);
                if shown {
                    self.show(ATTACHED.as_bytes());
                    self.show(b"\n");
                }
            }
            // The operator's console is attached to itself already.
            Ok(_) => clients.answer(place, asked.ticket, ConsoleStatus::Ok, &[]),
            Err(status) => clients.answer(place, asked.ticket, status, &[]),
        }
    }

    fn detach<C: Clients<Ticket = T>>(&mut self, clients: &mut C) {
        let Some(operator) = self.operator else { return };
        self.attached = operator;
        if let Some(ticket) = self.attach.take() {
            clients.answer(operator, ticket, ConsoleStatus::Ok, &[]);
        }
    }

    fn scrollback<C: Clients<Ticket = T>>(
        &self,
        clients: &mut C,
        place: usize,
        asked: &Asked<'_, T>,
    ) {
        let mut bytes = [0; INLINE];
        let found = ScrollbackRequest::read_from_bytes(asked.bytes)
            .map_err(|_| ConsoleStatus::Malformed)
            .and_then(|request| self.read_kept(&request, &mut bytes));
        let (status, count) = match found {
            Ok(count) => (ConsoleStatus::Ok, count),
            Err(status) => (status, 0),
        };
        clients.answer(place, asked.ticket, status, bytes.get(..count).unwrap_or_default());
    }

    fn read_kept(
        &self,
        request: &ScrollbackRequest,
        into: &mut [u8],
    ) -> Result<usize, ConsoleStatus> {
        let place = self.find(request.partition)?;
        let console = self.all.get(place).ok_or(ConsoleStatus::NoSuchConsole)?;
        let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
        Ok(console.kept.read(offset, into))
    }

    fn find(&self, partition: u32) -> Result<usize, ConsoleStatus> {
        let place = self.all.iter().position(|console| console.partition == partition);
        place.filter(|_| partition != NO_PARTITION).ok_or(ConsoleStatus::NoSuchConsole)
    }
}

/// The consoles as the serial port sees them.
pub struct Line<'a, C: Clients> {
    /// The consoles.
    pub consoles: &'a mut Consoles<C::Ticket>,
    /// Who carries answers.
    pub clients: &'a mut C,
}

impl<C: Clients> Traffic for Line<'_, C> {
    fn next(&mut self, to: &mut [u8]) -> usize {
        let waiting = &mut self.consoles.waiting;
        // What lies in two parts would be cut where they meet.
        let whole = waiting.as_slices().0.len() >= to.len();
        let all = if whole { waiting.as_slices().0 } else { &*waiting.make_contiguous() };
        let count = piece(all, to.len());
        to.iter_mut().zip(all).take(count).for_each(|(to, from)| *to = *from);
        waiting.drain(..count).count()
    }

    fn waiting(&self) -> bool {
        self.consoles.sending()
    }

    fn typed(&mut self, byte: u8) {
        self.consoles.typed(self.clients, byte);
    }
}

impl<T> Consoles<T> {
    /// Whether something waits for the terminal.
    #[must_use]
    pub fn sending(&self) -> bool {
        !self.waiting.is_empty()
    }
}
