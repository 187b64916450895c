//! Both ends against each other, and each against a peer that writes what it likes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use core::sync::atomic::AtomicU32;
use proptest::prelude::*;
use ring::{
    ClientEnd, Doorbell, Geometry, Head, Message, Refused, Ring, ServerEnd, SharedMemory, Taken,
    Words,
};

const SHIFT: u32 = 2;
const LENGTH: usize = 4 * 4096;

fn words() -> Vec<AtomicU32> {
    (0..LENGTH / 4).map(|_| AtomicU32::new(0)).collect()
}

fn geometry() -> Geometry {
    Geometry::new(SHIFT, LENGTH).unwrap()
}

/// Both ends in their first epoch.
fn ends(memory: &[AtomicU32]) -> (ClientEnd<Words<'_>>, ServerEnd<Words<'_>>) {
    let mut client = ClientEnd::new(Words::new(memory, geometry()));
    let mut server = ServerEnd::new(Words::new(memory, geometry()));
    let _ = client.set_epoch(1);
    server.set_epoch(1);
    (client, server)
}

/// Sends a request and returns its id.
fn send<M: SharedMemory>(
    client: &mut ClientEnd<M>,
    code: u16,
    payload: &[u8],
) -> Result<u64, Refused> {
    client.send(Head::new(code), payload)
}

/// What a client keeps of a request to send it again.
fn kept(id: u64, code: u16, payload: &[u8]) -> Message {
    Message::copy(id, Head::new(code), payload).unwrap()
}

/// All that a message says.
fn said(message: &Message) -> (u64, Head, &[u8]) {
    (message.id, message.head, message.bytes())
}

/// Completes a request with what it said.
fn echo<M: SharedMemory>(
    server: &mut ServerEnd<M>,
    epoch: u32,
    request: &Message,
) -> Result<(), Refused> {
    server.complete(epoch, request.id, request.head.code, request.bytes())
}

#[test]
fn geometry_refuses_what_does_not_fit() {
    assert!(Geometry::new(2, 3 * 4096 - 1).is_none());
    assert_eq!(Geometry::new(2, 3 * 4096).unwrap().data_length(), 0);
    assert!(Geometry::new(13, usize::MAX).is_none());
    assert!(Geometry::new(u32::MAX, usize::MAX).is_none());
    let large = Geometry::new(12, 1 << 21).unwrap();
    assert_eq!(
        (large.ring(Ring::Requests), large.ring(Ring::Completions)),
        (4096, 4096 + 4096 * 128)
    );
}

// covers: CHN-1
#[test]
fn requests_are_answered_out_of_order_with_their_bytes() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    let ids: Vec<u64> = (0..4_u8)
        .map(|n| send(&mut client, n.into(), &vec![n; 10 + usize::from(n)]).unwrap())
        .collect();
    assert_eq!(send(&mut client, 9, b""), Err(Refused::Full));

    let mut requests = vec![];
    let mut message = Message::empty();
    while let Some(epoch) = server.take(&mut message) {
        requests.push((epoch, message));
    }
    assert_eq!(requests.len(), 4);
    for (epoch, request) in requests.iter().rev() {
        assert_eq!(
            request.bytes(),
            vec![request.head.code as u8; 10 + usize::from(request.head.code)]
        );
        echo(&mut server, *epoch, request).unwrap();
    }
    assert_eq!(echo(&mut server, 1, &requests[0].1), Err(Refused::NothingOpen));
    for id in ids.iter().rev() {
        assert_eq!(client.take(&mut message), Some(Taken::Completed));
        assert_eq!(message.id, *id);
    }
    assert_eq!(client.take(&mut message), None);
    assert!(!client.awaited());
}

// covers: CHN-6
#[test]
fn a_request_is_completed_once() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    let id = send(&mut client, 1, b"").unwrap();
    send(&mut client, 2, b"").unwrap();
    let mut message = Message::empty();
    assert!(server.take(&mut message).is_some() && server.take(&mut message).is_some());
    // The server says so twice, in good order otherwise.
    for _ in 0..2 {
        server.complete(1, id, 0, b"").unwrap();
    }
    assert_eq!(client.take(&mut message), Some(Taken::Completed));
    assert_eq!(client.take(&mut message), None);
    assert_eq!(client.room(), 3);
}

// covers: CHN-5
#[test]
fn a_busy_peer_is_not_rung_and_a_sleeping_one_once() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    let mut message = Message::empty();
    let _ = server.take(&mut message);

    send(&mut client, 1, b"").unwrap();
    assert_eq!(client.notify(), Doorbell::Quiet, "the server is awake");
    assert!(server.arm(), "work that came before arming is seen");
    server.disarm();
    assert!(server.take(&mut message).is_some());

    assert!(!server.arm());
    send(&mut client, 2, b"").unwrap();
    assert_eq!(client.notify(), Doorbell::Ring);
    send(&mut client, 3, b"").unwrap();
    assert_eq!(client.notify(), Doorbell::Quiet, "rung already");
    server.disarm();
    assert!(server.take(&mut message).is_some());
    assert!(server.take(&mut message).is_some());
    assert!(!server.arm());
    send(&mut client, 4, b"").unwrap();
    assert_eq!(client.notify(), Doorbell::Ring, "a new arming wants a new ring");
}

#[test]
fn a_new_epoch_returns_what_was_open_and_wakes_the_server() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    let first = send(&mut client, 1, b"lost").unwrap();
    let again = send(&mut client, 2, b"again").unwrap();
    let forgotten = send(&mut client, 3, b"forgotten").unwrap();
    client.forget(forgotten);
    let mut message = Message::empty();
    assert_eq!(server.take(&mut message), Some(1));

    // The server dies with one request in its hands; its memory is clean when it returns.
    let mut server = ServerEnd::new(Words::new(&memory, geometry()));
    server.set_epoch(2);
    assert!(!server.arm(), "the client has not seen the new epoch");
    assert_eq!(client.set_epoch(2), Doorbell::Ring, "it sleeps until then");
    server.disarm();
    assert!(client.send_again(&kept(again, 2, b"again")));
    assert!(!client.send_again(&kept(forgotten, 3, b"")));
    assert_eq!(client.take(&mut message), Some(Taken::Lost));
    assert_eq!(message.id, first);
    assert_eq!(client.take(&mut message), None);

    assert_eq!(server.take(&mut message), Some(2));
    assert_eq!((message.id, message.bytes()), (again, &b"again"[..]));
    assert_eq!(echo(&mut server, 1, &message), Err(Refused::Epoch));
    echo(&mut server, 2, &message).unwrap();
    assert_eq!(client.take(&mut message), Some(Taken::Completed));
    assert_eq!(message.id, again);
}

#[test]
fn an_arming_of_a_former_life_is_not_taken_for_one_of_this() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    let mut message = Message::empty();
    let _ = server.take(&mut message);
    let _ = server.arm();

    // Dead while armed; the client rings for that arming once more before the new server looks.
    let mut server = ServerEnd::new(Words::new(&memory, geometry()));
    server.set_epoch(2);
    assert_eq!(client.set_epoch(2), Doorbell::Ring);
    assert_eq!(server.take(&mut message), None);
    assert!(!server.arm(), "the first arming of this life has the number of the last one");
    send(&mut client, 1, b"").unwrap();
    assert_eq!(client.notify(), Doorbell::Ring);
}

#[test]
fn a_restarted_client_gets_no_completion_of_its_former_life() {
    let memory = words();
    let (mut client, mut server) = ends(&memory);
    send(&mut client, 1, b"old").unwrap();
    let mut old = Message::empty();
    assert_eq!(server.take(&mut old), Some(1));

    let mut client = ClientEnd::new(Words::new(&memory, geometry()));
    let _ = client.set_epoch(2);
    let id = send(&mut client, 1, b"new").unwrap();
    assert_eq!(server.take(&mut Message::empty()), None, "not told of the epoch yet");
    assert!(!server.broken());
    server.set_epoch(2);
    assert_eq!(echo(&mut server, 1, &old), Err(Refused::Epoch));
    let mut new = Message::empty();
    assert_eq!(server.take(&mut new), Some(2));
    assert_eq!((new.id, new.bytes()), (id, &b"new"[..]));
    assert_eq!(echo(&mut server, 1, &old), Err(Refused::Epoch));
}

#[test]
fn data_outside_the_area_is_refused() {
    let memory = words();
    let client = ClientEnd::new(Words::new(&memory, geometry()));
    assert_eq!(client.data_length(), 4096);
    assert!(client.write_data(4090, b"abcdef"));
    assert!(!client.write_data(4091, b"abcdef"));
    assert!(!client.write_data(usize::MAX, b"a"));
    let mut back = [0; 5];
    assert!(client.read_data(4091, &mut back));
    assert_eq!(&back, b"bcdef");
}

proptest! {
    #[test]
    fn ends_agree_with_a_queue(steps in proptest::collection::vec(0..3_u8, 1..400)) {
        let memory = words();
        let (mut client, mut server) = ends(&memory);
        let (mut asked, mut held, mut answered) = (vec![], vec![], vec![]);
        let mut message = Message::empty();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                0 => match send(&mut client, n as u16, &n.to_le_bytes()) {
                    Ok(id) => asked.push((id, n)),
                    Err(why) => {
                        prop_assert_eq!(why, Refused::Full);
                        prop_assert_eq!(asked.len() + held.len() + answered.len(), 4);
                    }
                },
                1 => match server.take(&mut message) {
                    Some(_) => {
                        prop_assert_eq!((message.id, usize::from(message.head.code)), asked.remove(0));
                        held.insert(0, message);
                    }
                    None => if let Some(request) = held.pop() {
                        prop_assert!(asked.is_empty());
                        echo(&mut server, 1, &request).unwrap();
                        answered.push(request);
                    },
                },
                _ => match client.take(&mut message) {
                    Some(_) => {
 let answer = answered.remove(0);
 prop_assert_eq!(said(&message), said(&answer));
}
                    None => prop_assert!(answered.is_empty()),
                },
            }
        }
    }
}

/// Both take nothing from each other where they speak different versions, whichever of them says so, until the next epoch.
// covers: REC-4
#[test]
fn ends_of_different_versions_take_nothing_from_each_other() {
    use abi::channel::NO_VERSION;
    for (asks, answers) in [(1, 2), (2, 1), (3, NO_VERSION), (NO_VERSION, 3)] {
        let shared = words();
        let (mut client, mut server) = (
            ClientEnd::new(Words::new(&shared, geometry())),
            ServerEnd::new(Words::new(&shared, geometry())),
        );
        client.set_version(asks);
        server.set_version(answers);
        let _ = client.set_epoch(1);
        server.set_epoch(1);
        let sent = send(&mut client, 7, b"hear me");
        assert_eq!(sent.is_err(), asks == NO_VERSION);
        let mut message = Message::empty();
        assert_eq!(server.take(&mut message), None);
        assert!(server.discord(), "{asks} {answers}");
        // What was sent comes back as lost, and no more can be sent.
        let lost = client.take(&mut message) == Some(Taken::Lost);
        assert!(client.discord() && lost == sent.is_ok(), "{asks} {answers}");
        assert!(client.room() == 0 && send(&mut client, 7, b"").is_err());
        // The next life of one of them speaks as the other does.
        client.set_version(2);
        server.set_version(2);
        let _ = client.set_epoch(2);
        server.set_epoch(2);
        send(&mut client, 7, b"again").unwrap();
        assert_eq!(server.take(&mut message), Some(2));
        echo(&mut server, 2, &message).unwrap();
        assert_eq!(client.take(&mut message), Some(Taken::Completed));
        assert!(!client.discord() && !server.discord());
    }
}

/// Whatever a peer writes into its word, the worst is that nothing comes from it; what was there before this word was is version 1.
// covers: REC-4
#[test]
fn any_word_of_a_version_is_survived() {
    for word in [0, 1, 2, 77, u32::MAX] {
        let shared = words();
        let mut client = ClientEnd::new(Words::new(&shared, geometry()));
        let _ = client.set_epoch(5);
        send(&mut client, 7, b"hello").unwrap();
        let at = |offset: usize| &shared[(abi::channel::SERVER_AREA + offset) / 4];
        at(abi::channel::word::VERSION).store(word, core::sync::atomic::Ordering::Relaxed);
        at(abi::channel::word::EPOCH).store(5, core::sync::atomic::Ordering::Relaxed);
        let mut message = Message::empty();
        let taken = client.take(&mut message);
        assert_eq!(client.discord(), word > 1, "{word}");
        assert_eq!(taken, (word > 1).then_some(Taken::Lost), "{word}");
    }
}
