//! Every interleaving of the two ends, as the memory model allows them: no doorbell is lost, no entry is lost or doubled.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ring --test loom --release`.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::sync::atomic::Ordering;
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use ring::{
    ClientEnd, Doorbell, Entry, Geometry, Head, Message, Ring, ServerEnd, SharedMemory, Taken,
};

/// Requests that pass in one execution.
const REQUESTS: u64 = 2;

/// Only the words that two ends with two-entry rings and eight bytes of payload touch.
struct Shared {
    words: Vec<AtomicU32>,
    entries: Vec<AtomicU64>,
}

#[derive(Clone)]
struct Model {
    shared: Arc<Shared>,
    geometry: Geometry,
}

const ENTRY_WORDS: usize = 3;

impl Model {
    fn new() -> Self {
        let words = (0..10).map(|_| AtomicU32::new(0)).collect();
        let entries = (0..4 * ENTRY_WORDS).map(|_| AtomicU64::new(0)).collect();
        let geometry = Geometry::new(1, 3 * 4096).unwrap();
        Self { shared: Arc::new(Shared { words, entries }), geometry }
    }

    /// EPOCH, RUNG, PRODUCED, CONSUMED, ARMED of the client, then of the server.
    fn word(&self, offset: usize) -> &AtomicU32 {
        let side = usize::from(offset >= 512) * 5;
        let place = match offset % 256 {
            0 => 0,
            4 => 1,
            other => 1 + other / 64,
        };
        &self.shared.words[side + place]
    }
}

impl SharedMemory for Model {
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).load(order)
    }
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.word(offset).store(value, order);
    }
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }
    fn entry(&self, ring: Ring, index: u32) -> impl Entry {
        let ring = usize::from(ring == Ring::Completions);
        let first = (ring * 2 + index as usize % 2) * ENTRY_WORDS;
        Words(&self.shared.entries[first..first + ENTRY_WORDS])
    }
    fn read_data(&self, _: usize, _: &mut [u8]) {}
    fn write_data(&self, _: usize, _: &[u8]) {}
    fn fence(&self, order: Ordering) {
        fence(order);
    }
}

/// The words of one entry.
struct Words<'a>(&'a [AtomicU64]);

impl Entry for Words<'_> {
    fn get(&self, word: usize) -> u64 {
        self.0[word].load(Ordering::Relaxed)
    }
    fn set(&self, word: usize, value: u64) {
        self.0[word].store(value, Ordering::Relaxed);
    }
}

/// An event word: a lost doorbell shows as a deadlock, which loom reports.
#[derive(Clone)]
struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }
    fn ring_if(&self, due: Doorbell) {
        if due == Doorbell::Ring {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_one();
        }
    }
    fn wait(&self) {
        let mut rung = self.0.0.lock().unwrap();
        while !*rung {
            rung = self.0.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// Serves until all requests were answered, sleeping whenever there is nothing to do.
fn serve(mut server: ServerEnd<Model>, own: &Bell, peer: &Bell) -> Vec<u64> {
    let mut message = Message::empty();
    let mut seen = vec![];
    while seen.len() < REQUESTS as usize {
        if let Some(epoch) = server.take(&mut message) {
            seen.push(u64::from_le_bytes(message.bytes().try_into().unwrap()));
            server.complete(epoch, message.id, 0, message.bytes()).unwrap();
            peer.ring_if(server.notify());
        } else {
            if !server.arm() {
                own.wait();
            }
            server.disarm();
        }
    }
    seen
}

fn receive(client: &mut ClientEnd<Model>, own: &Bell) -> u64 {
    let mut message = Message::empty();
    loop {
        if let Some(taken) = client.take(&mut message) {
            assert_eq!(taken, Taken::Completed);
            return u64::from_le_bytes(message.bytes().try_into().unwrap());
        }
        if !client.arm() {
            own.wait();
        }
        client.disarm();
    }
}

fn send(client: &mut ClientEnd<Model>, number: u64) {
    client.send(Head::new(1), &number.to_le_bytes()).unwrap();
}

fn bounded(preemptions: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(test);
}

// covers: CHN-5
#[test]
fn no_doorbell_is_lost_and_no_entry_lost_or_doubled() {
    bounded(2, || {
        let memory = Model::new();
        let mut client = ClientEnd::new(memory.clone());
        let mut server = ServerEnd::new(memory);
        let (client_bell, server_bell) = (Bell::new(), Bell::new());
        let _ = client.set_epoch(1);
        server.set_epoch(1);
        let (own, peer) = (server_bell.clone(), client_bell.clone());
        let serving = thread::spawn(move || serve(server, &own, &peer));
        for number in 1..=REQUESTS {
            send(&mut client, number);
            server_bell.ring_if(client.notify());
        }
        let answers: Vec<u64> = (0..REQUESTS).map(|_| receive(&mut client, &client_bell)).collect();
        assert_eq!(answers, (1..=REQUESTS).collect::<Vec<_>>());
        assert_eq!(serving.join().unwrap(), answers);
    });
}

#[test]
fn a_client_that_comes_late_wakes_a_server_that_waits_for_its_epoch() {
    bounded(2, || {
        let memory = Model::new();
        let mut client = ClientEnd::new(memory.clone());
        let mut server = ServerEnd::new(memory);
        let (client_bell, server_bell) = (Bell::new(), Bell::new());
        server.set_epoch(2);
        let (own, peer) = (server_bell.clone(), client_bell.clone());
        let serving = thread::spawn(move || serve(server, &own, &peer));
        server_bell.ring_if(client.set_epoch(2));
        for number in 1..=REQUESTS {
            send(&mut client, number);
            server_bell.ring_if(client.notify());
            assert_eq!(receive(&mut client, &client_bell), number);
        }
        assert_eq!(serving.join().unwrap().len(), REQUESTS as usize);
    });
}
