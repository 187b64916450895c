//! Both ends against each other, and each against a peer that writes what it likes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::sync::atomic::{AtomicU32, Ordering};
use proptest::prelude::*;
use ring::{
    ClientEnd, Doorbell, Geometry, Message, Refused, ServerEnd, SharedMemory, Taken, Words,
};
use std::cell::{Cell, RefCell};

const SHIFT: u32 = 2;
const LENGTH: usize = 4 * 4096;

fn words() -> Vec<AtomicU32> {
    (0..LENGTH / 4).map(|_| AtomicU32::new(0)).collect()
}

fn geometry() -> Geometry {
    Geometry::new(SHIFT, LENGTH).unwrap()
}

fn text(code: u16, payload: &[u8]) -> Message {
    Message::new(code, 0, payload).unwrap()
}

#[test]
fn geometry_refuses_what_does_not_fit() {
    assert!(Geometry::new(2, 3 * 4096 - 1).is_none());
    assert_eq!(Geometry::new(2, 3 * 4096).unwrap().data_length(), 0);
    assert!(Geometry::new(13, usize::MAX).is_none());
    assert!(Geometry::new(u32::MAX, usize::MAX).is_none());
    let large = Geometry::new(12, 1 << 21).unwrap();
    assert_eq!((large.requests(), large.completions()), (4096, 4096 + 4096 * 128));
}

// covers: CHN-1
#[test]
fn requests_are_answered_out_of_order_with_their_bytes() {
    let memory = words();
    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    let ids: Vec<u64> = (0..4_u8)
        .map(|n| client.send(&text(n.into(), &vec![n; 10 + usize::from(n)])).unwrap())
        .collect();
    assert_eq!(client.send(&text(9, b"")), Err(Refused::Full));

    let mut requests = vec![];
    let mut message = Message::empty();
    while let Some(epoch) = server.take(&mut message) {
        requests.push((epoch, message));
    }
    assert_eq!(requests.len(), 4);
    for (epoch, request) in requests.iter().rev() {
        assert_eq!(request.bytes(), vec![request.code as u8; 10 + usize::from(request.code)]);
        server.complete(*epoch, request).unwrap();
    }
    assert_eq!(server.complete(1, &requests[0].1), Err(Refused::NothingOpen));
    for id in ids.iter().rev() {
        assert_eq!(client.take(&mut message), Some(Taken::Completed));
        assert_eq!(message.id, *id);
    }
    assert_eq!(client.take(&mut message), None);
    assert!(!client.awaited());
}

// covers: CHN-5
#[test]
fn a_busy_peer_is_not_rung_and_a_sleeping_one_once() {
    let memory = words();
    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    let mut message = Message::empty();
    let _ = server.take(&mut message);

    client.send(&text(1, b"")).unwrap();
    assert_eq!(client.notify(), Doorbell::Quiet, "the server is awake");
    assert!(server.arm(), "work that came before arming is seen");
    server.disarm();
    assert!(server.take(&mut message).is_some());

    assert!(!server.arm());
    client.send(&text(2, b"")).unwrap();
    assert_eq!(client.notify(), Doorbell::Ring);
    client.send(&text(3, b"")).unwrap();
    assert_eq!(client.notify(), Doorbell::Quiet, "rung already");
    server.disarm();
    assert!(server.take(&mut message).is_some());
    assert!(server.take(&mut message).is_some());
    assert!(!server.arm());
    client.send(&text(4, b"")).unwrap();
    assert_eq!(client.notify(), Doorbell::Ring, "a new arming wants a new ring");
}

#[test]
fn a_new_epoch_returns_what_was_open_and_wakes_the_server() {
    let memory = words();
    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    let first = client.send(&text(1, b"lost")).unwrap();
    let again = client.send(&text(2, b"again")).unwrap();
    let forgotten = client.send(&text(3, b"forgotten")).unwrap();
    client.forget(forgotten);
    let mut message = Message::empty();
    assert_eq!(server.take(&mut message), Some(1));

    // The server dies with one request in its hands; its memory is clean when it returns.
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    server.set_epoch(2);
    assert!(!server.arm(), "the client has not seen the new epoch");
    assert_eq!(client.set_epoch(2), Doorbell::Ring, "it sleeps until then");
    server.disarm();
    assert!(client.send_again(again, &text(2, b"again")));
    assert!(!client.send_again(forgotten, &text(3, b"")));
    assert_eq!(client.take(&mut message), Some(Taken::Lost));
    assert_eq!(message.id, first);
    assert_eq!(client.take(&mut message), None);

    assert_eq!(server.take(&mut message), Some(2));
    assert_eq!((message.id, message.bytes()), (again, &b"again"[..]));
    assert_eq!(server.complete(1, &message), Err(Refused::Epoch));
    server.complete(2, &message).unwrap();
    assert_eq!(client.take(&mut message), Some(Taken::Completed));
    assert_eq!(message.id, again);
}

#[test]
fn an_arming_of_a_former_life_is_not_taken_for_one_of_this() {
    let memory = words();
    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    let mut message = Message::empty();
    let _ = server.take(&mut message);
    let _ = server.arm();

    // Dead while armed; the client rings for that arming once more before the new server looks.
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    server.set_epoch(2);
    assert_eq!(client.set_epoch(2), Doorbell::Ring);
    assert_eq!(server.take(&mut message), None);
    assert!(!server.arm(), "the first arming of this life has the number of the last one");
    client.send(&text(1, b"")).unwrap();
    assert_eq!(client.notify(), Doorbell::Ring);
}

#[test]
fn a_restarted_client_gets_no_completion_of_its_former_life() {
    let memory = words();
    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let mut server = ServerEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    client.send(&text(1, b"old")).unwrap();
    let mut old = Message::empty();
    assert_eq!(server.take(&mut old), Some(1));

    let mut client = ClientEnd::new(Words::new(&memory), geometry());
    let _ = client.set_epoch(2);
    let id = client.send(&text(1, b"new")).unwrap();
    assert_eq!(server.take(&mut Message::empty()), None, "not told of the epoch yet");
    assert!(!server.broken());
    server.set_epoch(2);
    assert_eq!(server.complete(1, &old), Err(Refused::Epoch));
    let mut new = Message::empty();
    assert_eq!(server.take(&mut new), Some(2));
    assert_eq!((new.id, new.bytes()), (id, &b"new"[..]));
    assert_eq!(server.complete(1, &old), Err(Refused::Epoch));
}

#[test]
fn data_outside_the_area_is_refused() {
    let memory = words();
    let client = ClientEnd::new(Words::new(&memory), geometry());
    assert_eq!(client.data_length(), 4096);
    assert!(client.write_data(4090, b"abcdef"));
    assert!(!client.write_data(4091, b"abcdef"));
    assert!(!client.write_data(usize::MAX, b"a"));
    let mut back = [0; 5];
    assert!(client.read_data(4091, &mut back));
    assert_eq!(&back, b"bcdef");
}

/// Memory into which the peer writes something before every single read.
struct Hostile<'a> {
    bytes: &'a RefCell<Vec<u8>>,
    writes: &'a [(u16, u8, u32)],
    next: &'a Cell<usize>,
}

impl Hostile<'_> {
    fn strike(&self) {
        let at = self.next.get();
        self.next.set(at + 1);
        let Some(&(place, kind, value)) = self.writes.get(at % self.writes.len().max(1)) else {
            return;
        };
        // Most blows go where they hurt: the words of both areas and the heads of entries.
        let place = usize::from(place);
        let offset = match kind % 4 {
            0 => 256 + place % 512,
            1 => 4096 + place % 2048,
            2 => 8192 + place % 2048,
            _ => [256, 320, 384, 448, 512, 576, 640, 704][place % 8],
        } & !3;
        let value = if kind & 4 == 0 { value % 8 } else { value };
        self.bytes.borrow_mut()[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
}

impl SharedMemory for Hostile<'_> {
    fn load(&self, offset: usize, _: Ordering) -> u32 {
        self.strike();
        u32::from_le_bytes(self.bytes.borrow()[offset..offset + 4].try_into().unwrap())
    }
    fn store(&self, offset: usize, value: u32, _: Ordering) {
        self.bytes.borrow_mut()[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    fn read(&self, offset: usize, to: &mut [u64]) {
        for (n, word) in to.iter_mut().enumerate() {
            self.strike();
            let at = offset + 8 * n;
            *word = u64::from_le_bytes(self.bytes.borrow()[at..at + 8].try_into().unwrap());
        }
    }
    fn write(&self, offset: usize, from: &[u64]) {
        for (n, word) in from.iter().enumerate() {
            let at = offset + 8 * n;
            self.bytes.borrow_mut()[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
    }
    fn read_bytes(&self, offset: usize, to: &mut [u8]) {
        self.strike();
        to.copy_from_slice(&self.bytes.borrow()[offset..offset + to.len()]);
    }
    fn write_bytes(&self, offset: usize, from: &[u8]) {
        self.bytes.borrow_mut()[offset..offset + from.len()].copy_from_slice(from);
    }
}

// covers: CHN-6
proptest! {
    // A slice out of the vector panics, so "no read outside" is checked by every access.
    #[test]
    fn a_hostile_server_costs_a_client_its_requests_and_no_more(
        writes in proptest::collection::vec(any::<(u16, u8, u32)>(), 1..200),
        steps in proptest::collection::vec(0..5_u8, 1..200),
    ) {
        let bytes = RefCell::new(vec![0; LENGTH]);
        let next = Cell::new(0);
        let memory = Hostile { bytes: &bytes, writes: &writes, next: &next };
        let mut client = ClientEnd::new(memory, geometry());
        let mut open = std::collections::BTreeSet::new();
        let mut message = Message::empty();
        let mut epoch = 1;
        let _ = client.set_epoch(epoch);
        for step in steps {
            match step {
                0 | 1 => if let Ok(id) = client.send(&text(1, &[7; 20])) {
                    prop_assert!(open.insert(id), "an id is never given twice");
                },
                2 => if client.take(&mut message).is_some() {
                    prop_assert!(open.remove(&message.id), "only what was asked, and once");
                    prop_assert!(message.bytes().len() <= abi::channel::INLINE);
                },
                3 => { let _ = (client.arm(), client.notify()); client.disarm(); }
                _ => { epoch += 1; let _ = client.set_epoch(epoch); }
            }
            prop_assert!(open.len() <= 4);
        }
        // All that is open comes back as lost when the epoch ends.
        let _ = client.set_epoch(epoch + 1);
        for _ in 0..open.len() {
            prop_assert_eq!(client.take(&mut message), Some(Taken::Lost));
            prop_assert!(open.remove(&message.id));
        }
        prop_assert!(open.is_empty());
    }

    #[test]
    fn a_hostile_client_cannot_hurt_a_server(
        writes in proptest::collection::vec(any::<(u16, u8, u32)>(), 1..200),
        steps in proptest::collection::vec(0..5_u8, 1..200),
    ) {
        let bytes = RefCell::new(vec![0; LENGTH]);
        let next = Cell::new(0);
        let memory = Hostile { bytes: &bytes, writes: &writes, next: &next };
        let mut server = ServerEnd::new(memory, geometry());
        let mut taken = vec![];
        let mut message = Message::empty();
        let mut epoch = 1;
        server.set_epoch(epoch);
        for step in steps {
            match step {
                0 | 1 => if let Some(of) = server.take(&mut message) {
                    taken.push((of, message));
                },
                2 => if let Some((of, request)) = taken.pop() {
                    let _ = server.complete(of, &request);
                },
                3 => { let _ = (server.arm(), server.notify()); server.disarm(); }
                _ => { epoch += 1; server.set_epoch(epoch % 8); }
            }
            prop_assert!(server.open() <= 4, "never more work than a ring holds");
        }
    }

    #[test]
    fn ends_agree_with_a_queue(steps in proptest::collection::vec(0..3_u8, 1..400)) {
        let memory = words();
        let mut client = ClientEnd::new(Words::new(&memory), geometry());
        let mut server = ServerEnd::new(Words::new(&memory), geometry());
        let _ = client.set_epoch(1);
        server.set_epoch(1);
        let (mut asked, mut held, mut answered) = (vec![], vec![], vec![]);
        let mut message = Message::empty();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                0 => match client.send(&text(n as u16, &n.to_le_bytes())) {
                    Ok(id) => asked.push((id, n)),
                    Err(why) => {
                        prop_assert_eq!(why, Refused::Full);
                        prop_assert_eq!(asked.len() + held.len() + answered.len(), 4);
                    }
                },
                1 => match server.take(&mut message) {
                    Some(_) => {
                        prop_assert_eq!((message.id, usize::from(message.code)), asked.remove(0));
                        held.insert(0, message);
                    }
                    None => if let Some(request) = held.pop() {
                        prop_assert!(asked.is_empty());
                        server.complete(1, &request).unwrap();
                        answered.push(request);
                    },
                },
                _ => match client.take(&mut message) {
                    Some(_) => prop_assert_eq!(&message, &answered.remove(0)),
                    None => prop_assert!(answered.is_empty()),
                },
            }
        }
    }
}
