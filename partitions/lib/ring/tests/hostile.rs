//! Each end against a peer that writes whatever it likes, wherever it likes, between any two accesses.
//!
//! The memory is a vector: an access outside of it, or one that is not aligned, panics. Before each access the peer may
//! strike, as a script says. What must hold whatever the script: no panic, no access outside, no loop without end, and
//! the private state stays sound, so that every request comes to exactly one end.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::sync::atomic::Ordering;
use proptest::prelude::*;
use ring::{
    ClientEnd, Doorbell, Entry, Geometry, Head, Message, Refused, Ring, ServerEnd, SharedMemory,
    Taken,
};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::env;

const SHIFT: u32 = 2;
const LENGTH: usize = 4 * 4096;
/// Requests that can be open.
const MOST: usize = 1 << SHIFT;
/// What an end does, for the longest: words of all entries of a ring, and a few around them.
const ACCESSES: usize = MOST * 16 + 32;
/// Epochs that a run stays below.
const EPOCHS: u32 = 1 << 16;

/// One blow: where, and what is written there, 8 bytes at a time as a processor can at most.
#[derive(Clone, Copy, Debug)]
struct Blow {
    offset: usize,
    value: u64,
    width: usize,
}

/// Memory that a peer strikes before each access of the end.
struct Hostile<'a> {
    bytes: RefCell<Vec<u8>>,
    script: &'a [Option<Blow>],
    next: Cell<usize>,
    accesses: Cell<usize>,
    geometry: Geometry,
}

impl<'a> Hostile<'a> {
    fn new(script: &'a [Option<Blow>]) -> Self {
        let geometry = Geometry::new(SHIFT, LENGTH).unwrap();
        let bytes = RefCell::new(vec![0; LENGTH]);
        Self { bytes, script, next: Cell::new(0), accesses: Cell::new(0), geometry }
    }

    fn strike(&self) {
        self.accesses.set(self.accesses.get() + 1);
        let at = self.next.get();
        self.next.set(at + 1);
        if let Some(Some(blow)) = self.script.get(at % self.script.len().max(1)) {
            let end = (blow.offset + blow.width).min(LENGTH);
            let value = blow.value.to_le_bytes();
            self.bytes.borrow_mut()[blow.offset..end].copy_from_slice(&value[..end - blow.offset]);
        }
    }

    /// How many accesses an action of the end takes: it does not loop.
    fn bounded<R>(&self, action: impl FnOnce() -> R) -> R {
        self.accesses.set(0);
        let result = action();
        assert!(self.accesses.get() <= ACCESSES, "{} accesses", self.accesses.get());
        result
    }

    fn bytes<const N: usize>(&self, offset: usize) -> [u8; N] {
        self.strike();
        assert!(offset.is_multiple_of(N), "{offset} is not aligned");
        self.bytes.borrow()[offset..offset + N].try_into().unwrap()
    }

    fn put<const N: usize>(&self, offset: usize, value: [u8; N]) {
        self.strike();
        assert!(offset.is_multiple_of(N), "{offset} is not aligned");
        self.bytes.borrow_mut()[offset..offset + N].copy_from_slice(&value);
    }
}

impl SharedMemory for &Hostile<'_> {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    fn load(&self, offset: usize, _: Ordering) -> u32 {
        assert!(offset < 4096);
        u32::from_le_bytes(self.bytes(offset))
    }
    fn store(&self, offset: usize, value: u32, _: Ordering) {
        assert!(offset < 4096);
        self.put(offset, value.to_le_bytes());
    }
    fn entry(&self, ring: Ring, index: u32) -> impl Entry {
        Place(self, self.geometry.entry(ring, index))
    }
    fn read_data(&self, offset: usize, to: &mut [u8]) {
        self.strike();
        to.copy_from_slice(&self.bytes.borrow()[offset..offset + to.len()]);
    }
    fn write_data(&self, offset: usize, from: &[u8]) {
        self.strike();
        self.bytes.borrow_mut()[offset..offset + from.len()].copy_from_slice(from);
    }
}

/// An entry, by its offset.
struct Place<'a>(&'a Hostile<'a>, usize);

impl Entry for Place<'_> {
    fn get(&self, word: usize) -> u64 {
        assert!(word < 16);
        u64::from_le_bytes(self.0.bytes(self.1 + 8 * word))
    }
    fn set(&self, word: usize, value: u64) {
        assert!(word < 16);
        self.0.put(self.1 + 8 * word, value.to_le_bytes());
    }
}

/// What the client does to its end, and what it then knows.
struct Client<'a> {
    memory: &'a Hostile<'a>,
    end: ClientEnd<&'a Hostile<'a>>,
    epoch: u32,
    given: BTreeSet<u64>,
    open: BTreeSet<u64>,
    lost: BTreeSet<u64>,
    forgotten: usize,
}

impl<'a> Client<'a> {
    fn new(memory: &'a Hostile<'a>) -> Self {
        let none = BTreeSet::new();
        let (given, open, lost) = (none.clone(), none.clone(), none);
        let end = ClientEnd::new(memory);
        let mut client = Self { memory, end, epoch: 0, given, open, lost, forgotten: 0 };
        client.next_epoch();
        client
    }

    fn next_epoch(&mut self) {
        self.epoch += 1;
        let _ = self.memory.bounded(|| self.end.set_epoch(self.epoch));
        self.lost.append(&mut self.open);
        self.forgotten = 0;
    }

    fn send(&mut self) {
        match self.memory.bounded(|| self.end.send(Head::new(1), &[7; 20])) {
            Ok(id) => {
                assert!(
                    self.given.insert(id) && self.open.insert(id),
                    "an id is never given twice"
                );
            }
            Err(why) => {
                assert_eq!(why, Refused::Full);
                assert_eq!(self.open.len() + self.lost.len() + self.forgotten, MOST);
            }
        }
    }

    fn take(&mut self) {
        let mut message = Message::empty();
        match self.memory.bounded(|| self.end.take(&mut message)) {
            Some(Taken::Lost) => assert!(self.lost.remove(&message.id), "lost once"),
            Some(Taken::Completed) => assert!(self.open.remove(&message.id), "asked, and once"),
            None => {}
        }
        assert!(message.bytes().len() <= abi::channel::INLINE);
        // What nobody waits for may have gone on the way.
        self.count_forgotten();
    }

    fn count_forgotten(&mut self) {
        let held = MOST - self.end.room() as usize - self.open.len() - self.lost.len();
        assert!(held <= self.forgotten, "no place is held by nobody");
        self.forgotten = held;
    }

    fn forget(&mut self) {
        if let Some(id) = self.open.pop_first() {
            self.end.forget(id);
            self.forgotten += 1;
        } else if let Some(id) = self.lost.pop_first() {
            self.end.forget(id);
        }
    }

    fn again(&mut self) {
        let Some(&id) = self.lost.first() else { return };
        let copy = Message::copy(id, Head::new(1), b"again").unwrap();
        assert!(self.memory.bounded(|| self.end.send_again(&copy)));
        self.lost.remove(&id);
        self.open.insert(id);
    }

    fn sleep(&mut self) {
        let ready = self.memory.bounded(|| self.end.arm());
        assert!(ready || self.lost.is_empty(), "what is lost is told before it sleeps");
        let _: Doorbell = self.memory.bounded(|| self.end.notify());
        self.memory.bounded(|| self.end.disarm());
        self.count_forgotten();
    }

    fn step(&mut self, step: u8) {
        match step {
            0 | 1 => self.send(),
            2 => self.take(),
            3 => self.sleep(),
            4 => self.forget(),
            5 => self.again(),
            _ if self.epoch < EPOCHS => self.next_epoch(),
            _ => {}
        }
        assert_eq!(self.end.awaited(), !self.open.is_empty() || !self.lost.is_empty());
        self.count_forgotten();
    }

    /// When the epoch ends everything that somebody still waits for comes back as lost, each once.
    fn end(mut self) {
        self.next_epoch();
        for _ in 0..self.lost.len() {
            self.take();
        }
        assert!(self.lost.is_empty() && self.open.is_empty());
        assert_eq!(self.end.room() as usize, MOST);
    }
}

fn run_client(script: &[Option<Blow>], steps: &[u8]) {
    let memory = Hostile::new(script);
    let mut client = Client::new(&memory);
    steps.iter().for_each(|step| client.step(*step));
    client.end();
}

fn run_server(script: &[Option<Blow>], steps: &[u8]) {
    let memory = Hostile::new(script);
    let mut server = ServerEnd::new(&memory);
    let (mut taken, mut epoch) = (Vec::new(), 1);
    server.set_epoch(epoch);
    let mut message = Message::empty();
    for step in steps {
        match step {
            0 | 1 => {
                if let Some(of) = memory.bounded(|| server.take(&mut message)) {
                    assert_eq!(of, server.epoch());
                    taken.push((of, message.id));
                }
                assert!(message.bytes().len() <= abi::channel::INLINE);
            }
            2 | 3 => {
                if let Some((of, id)) = taken.pop() {
                    let now = server.epoch();
                    let done = memory.bounded(|| server.complete(of, id, 0, b"done, and said so"));
                    assert!(done.is_ok() || done == Err(Refused::Epoch), "{done:?} in {now}");
                    assert!(done.is_err() || of == now, "no answer in another epoch");
                }
            }
            4 | 5 => {
                let _ = memory.bounded(|| (server.arm(), server.notify()));
                server.disarm();
            }
            _ => {
                epoch += 1;
                server.set_epoch(epoch % 8);
            }
        }
        assert!(server.open() <= MOST as u32, "never more work than a ring holds");
        let of_now = taken.iter().filter(|(of, _)| *of == server.epoch()).count();
        assert!(of_now <= MOST);
    }
}

/// Most blows go where they hurt: the words of both areas, and the heads of entries.
fn blow() -> impl Strategy<Value = Option<Blow>> {
    let word = (0..8_usize).prop_map(|word| [256, 320, 384, 448, 512, 576, 640, 704][word]);
    let head = (0..2 * MOST, 0..4_usize)
        .prop_map(|(entry, half)| 4096 + entry / MOST * 4096 + entry % MOST * 128 + half * 4);
    let offset = prop_oneof![4 => word, 4 => head, 1 => 0..LENGTH];
    let value = prop_oneof![
        (0..8_u64),
        (0..128_u64),
        // Ids: of an epoch, of a place in the ring, of a place among the open ones.
        (1..4_u64, 0..8_u64, 0..4_u64).prop_map(|(of, at, place)| (of << 38) | (at << 6) | place),
        any::<u64>()
    ];
    let width = prop_oneof![Just(1_usize), Just(2), Just(4), Just(8)];
    let blow = (offset, value, width)
        .prop_map(|(offset, value, width)| Some(Blow { offset, value, width }));
    prop_oneof![2 => Just(None), 3 => blow]
}

fn scripts() -> impl Strategy<Value = (Vec<Option<Blow>>, Vec<u8>)> {
    use proptest::collection::vec;
    (vec(blow(), 1..200), vec(0..7_u8, 1..200))
}

/// Some hundred runs of each kind; a campaign does hundreds of times as many.
fn config() -> ProptestConfig {
    let cases = if env::var_os("BULKHEAD_CAMPAIGN").is_some() { 100_000 } else { 300 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

// covers: CHN-6
proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_hostile_server_costs_a_client_its_requests_and_no_more((script, steps) in scripts()) {
        run_client(&script, &steps);
    }

    #[test]
    fn a_hostile_client_cannot_hurt_a_server((script, steps) in scripts()) {
        run_server(&script, &steps);
    }
}

/// The blows that matter most, by themselves: every word of the peer's area and of the first entry's head, with every
/// value that means something.
fn single_blows() -> Vec<Blow> {
    let words = [0, 64, 128, 192].into_iter().flat_map(|word| [256 + word, 512 + word]);
    let heads = [4096, 8192].into_iter().flat_map(|ring| (0..4).map(move |half| ring + 4 * half));
    let values = [0, 1, 2, 4, 5, 64, 112, 113, 0x8000_0000, u64::from(u32::MAX)];
    words
        .chain(heads)
        .flat_map(|offset| values.map(|value| Blow { offset, value, width: 4 }))
        .collect()
}

// covers: CHN-6
#[test]
fn one_blow_at_any_moment_is_survived() {
    const TOGETHER: [u8; 14] = [0, 2, 1, 3, 2, 0, 4, 2, 6, 5, 2, 0, 3, 2];
    let campaign = env::var_os("BULKHEAD_CAMPAIGN").is_some();
    // Every moment of a run, or every seventh.
    for moment in (0..240).step_by(if campaign { 1 } else { 7 }) {
        for blow in single_blows() {
            let mut script = vec![None; 400];
            script[moment] = Some(blow);
            run_client(&script, &TOGETHER);
            run_server(&script, &TOGETHER);
        }
    }
}

// covers: CHN-6
#[test]
fn two_blows_at_any_two_moments_are_survived() {
    let blows: Vec<Blow> = single_blows().into_iter().filter(|blow| blow.value < 6).collect();
    let campaign = env::var_os("BULKHEAD_CAMPAIGN").is_some();
    let every = if campaign { 1 } else { 41 };
    let pairs = blows.iter().flat_map(|one| blows.iter().map(move |other| (one, other)));
    for (number, (one, other)) in pairs.enumerate().step_by(every) {
        let first = number % 40;
        for second in (first + 1..60).step_by(if campaign { 1 } else { 7 }) {
            let mut script = vec![None; 400];
            (script[first], script[second]) = (Some(*one), Some(*other));
            run_client(&script, &[0, 2, 0, 3, 2, 6, 2]);
            run_server(&script, &[0, 2, 0, 4, 2, 6, 0]);
        }
    }
}

// covers: CHN-6
#[test]
fn what_is_looked_at_is_the_copy() {
    // The length changes between any two reads of the entry: what was read first counts.
    for moment in 0..24 {
        let mut script = vec![None; 400];
        script[moment] = Some(Blow { offset: 4096 + 12, value: 113, width: 4 });
        let memory = Hostile::new(&script);
        memory.next.set(300);
        let mut client = ClientEnd::new(&memory);
        let _ = client.set_epoch(1);
        client.send(Head::new(3), &[5; 16]).unwrap();
        let mut server = ServerEnd::new(&memory);
        server.set_epoch(1);
        let mut message = Message::empty();
        memory.next.set(0);
        let taken = server.take(&mut message);
        memory.next.set(300);
        if taken.is_some() {
            assert_eq!((message.head.code, message.bytes()), (3, &[5; 16][..]), "at {moment}");
        } else {
            assert!(message.bytes().is_empty() && server.broken(), "at {moment}");
        }
    }
}
