//! A client whose memory says something else each time the manager looks.

use super::hostile::request;
use abi::channel::{CLIENT_AREA, SERVER_AREA, word};
use abi::message::resource::ResourceRequest;
use boot_image::damage::Chance;
use ring::{Entry, Geometry, Ring, SharedMemory, Words};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use zerocopy::IntoBytes;

/// Memory of a client that writes something else before every read of the manager's.
pub struct Liar {
    pub chance: Chance,
    pub epoch: u32,
    /// How many requests the manager says it took in this epoch, and in all.
    pub taken: u32,
    pub all: u64,
}

/// A client's memory.
#[derive(Clone)]
pub enum Memory {
    Honest(Words<'static>),
    Lies(Rc<RefCell<Liar>>, Geometry),
}

/// An entry of it. One that lies is another each time it is looked at, and each word is read once.
enum Place<E> {
    Honest(E),
    Lies([u64; 16]),
}

impl<E: Entry> Entry for Place<E> {
    fn get(&self, word: usize) -> u64 {
        match self {
            Self::Honest(entry) => entry.get(word),
            Self::Lies(words) => words[word],
        }
    }

    fn set(&self, word: usize, value: u64) {
        if let Self::Honest(entry) = self {
            entry.set(word, value);
        }
    }
}

impl Liar {
    fn entry(&mut self) -> [u64; 16] {
        let chance = &mut self.chance;
        let (mut code, mut body) = request(chance);
        // The end of the machine is no part of this.
        if code == ResourceRequest::Shutdown as u16 {
            code = ResourceRequest::Stop as u16;
        }
        // The payload may belong to something else by the time it is copied.
        if chance.one_in(2) {
            body = request(chance).1;
        }
        let length = if chance.one_in(30) { chance.any() } else { body.len() as u64 };
        let mut words = [0; 16];
        words.as_mut_bytes()[16..16 + body.len()].copy_from_slice(&body);
        (words[0], words[1]) = (chance.any(), u64::from(code) | length << 32);
        words
    }
}

impl SharedMemory for Memory {
    fn geometry(&self) -> &Geometry {
        match self {
            Self::Honest(words) => words.geometry(),
            Self::Lies(_, geometry) => geometry,
        }
    }

    fn load(&self, offset: usize, order: Ordering) -> u32 {
        let lies = match self {
            Self::Honest(words) => return words.load(offset, order),
            Self::Lies(lies, _) => lies,
        };
        let Liar { chance, epoch, taken, .. } = &mut *lies.borrow_mut();
        let wild = chance.one_in(200);
        match offset.wrapping_sub(CLIENT_AREA) {
            _ if wild => chance.any() as u32,
            word::EPOCH => *epoch,
            word::PRODUCED => taken.wrapping_add(chance.below(4) as u32),
            word::CONSUMED => chance.any() as u32,
            _ => chance.below(3) as u32,
        }
    }

    fn store(&self, offset: usize, value: u32, order: Ordering) {
        match self {
            Self::Honest(words) => words.store(offset, value, order),
            Self::Lies(lies, _) if offset == SERVER_AREA + word::CONSUMED => {
                let mut lies = lies.borrow_mut();
                lies.all += u64::from(value.wrapping_sub(lies.taken).min(4));
                lies.taken = value;
            }
            Self::Lies(..) => {}
        }
    }

    fn entry(&self, ring: Ring, index: u32) -> impl Entry {
        match self {
            Self::Honest(words) => Place::Honest(words.entry(ring, index)),
            Self::Lies(lies, _) => Place::Lies(lies.borrow_mut().entry()),
        }
    }

    fn read_data(&self, _: usize, to: &mut [u8]) {
        to.fill(0x5a);
    }

    fn write_data(&self, _: usize, _: &[u8]) {}
}
