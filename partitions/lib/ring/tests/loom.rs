//! Every interleaving of the two ends, as the memory model allows them: no doorbell is lost, no entry is lost or doubled.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ring --test loom --release`.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::sync::atomic::Ordering;
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use ring::{ClientEnd, Doorbell, Geometry, Message, ServerEnd, SharedMemory, Taken};

/// Requests that pass in one execution.
const REQUESTS: u64 = 2;

/// Only the words that two ends with two-entry rings and eight bytes of payload touch.
struct Shared {
    words: Vec<AtomicU32>,
    entries: Vec<AtomicU64>,
}

#[derive(Clone)]
struct Model(Arc<Shared>);

const ENTRY_WORDS: usize = 3;

impl Model {
    fn new() -> Self {
        let words = (0..10).map(|_| AtomicU32::new(0)).collect();
        let entries = (0..4 * ENTRY_WORDS).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Shared { words, entries }))
    }

    /// EPOCH, RUNG, PRODUCED, CONSUMED, ARMED of the client, then of the server.
    fn word(&self, offset: usize) -> &AtomicU32 {
        let side = usize::from(offset >= 512) * 5;
        let place = match offset % 256 {
            0 => 0,
            4 => 1,
            other => 1 + other / 64,
        };
        &self.0.words[side + place]
    }

    fn entry(&self, offset: usize) -> &AtomicU64 {
        let ring = usize::from(offset >= 8192) * 2;
        let within = offset % 4096;
        &self.0.entries[(ring + within / 128) * ENTRY_WORDS + within % 128 / 8]
    }
}

impl SharedMemory for Model {
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).load(order)
    }
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.word(offset).store(value, order);
    }
    fn read(&self, offset: usize, to: &mut [u64]) {
        for (n, word) in to.iter_mut().enumerate() {
            *word = self.entry(offset + 8 * n).load(Ordering::Relaxed);
        }
    }
    fn write(&self, offset: usize, from: &[u64]) {
        for (n, word) in from.iter().enumerate() {
            self.entry(offset + 8 * n).store(*word, Ordering::Relaxed);
        }
    }
    fn read_bytes(&self, _: usize, _: &mut [u8]) {}
    fn write_bytes(&self, _: usize, _: &[u8]) {}
    fn fence(&self) {
        fence(Ordering::SeqCst);
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

fn geometry() -> Geometry {
    Geometry::new(1, 3 * 4096).unwrap()
}

/// Serves until all requests were answered, sleeping whenever there is nothing to do.
fn serve(mut server: ServerEnd<Model>, own: &Bell, peer: &Bell) -> Vec<u64> {
    let mut message = Message::empty();
    let mut seen = vec![];
    while seen.len() < REQUESTS as usize {
        if let Some(epoch) = server.take(&mut message) {
            seen.push(u64::from_le_bytes(message.bytes().try_into().unwrap()));
            server.complete(epoch, &message).unwrap();
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

fn request(number: u64) -> Message {
    Message::new(1, 0, &number.to_le_bytes()).unwrap()
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
        let mut client = ClientEnd::new(memory.clone(), geometry());
        let mut server = ServerEnd::new(memory, geometry());
        let (client_bell, server_bell) = (Bell::new(), Bell::new());
        let _ = client.set_epoch(1);
        server.set_epoch(1);
        let (own, peer) = (server_bell.clone(), client_bell.clone());
        let serving = thread::spawn(move || serve(server, &own, &peer));
        for number in 1..=REQUESTS {
            client.send(&request(number)).unwrap();
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
        let mut client = ClientEnd::new(memory.clone(), geometry());
        let mut server = ServerEnd::new(memory, geometry());
        let (client_bell, server_bell) = (Bell::new(), Bell::new());
        server.set_epoch(2);
        let (own, peer) = (server_bell.clone(), client_bell.clone());
        let serving = thread::spawn(move || serve(server, &own, &peer));
        server_bell.ring_if(client.set_epoch(2));
        for number in 1..=REQUESTS {
            client.send(&request(number)).unwrap();
            server_bell.ring_if(client.notify());
            assert_eq!(receive(&mut client, &client_bell), number);
        }
        assert_eq!(serving.join().unwrap().len(), REQUESTS as usize);
    });
}
