//! What `ps` says that a partition waits for.

use super::fake::Fake;
use abi::channel::Role;
use abi::message::resource::PartitionState;
use abi::types::EventBit;

const CONSOLE: u64 = 1 << 3;
const INTERRUPT: u64 = 1 << 1;

/// The column of the command partition while it waits for `events` and the others have no rescuer.
fn waits(fake: &mut Fake, events: u64) -> String {
    fake.partitions[1].waits_for = events;
    fake.partitions.iter_mut().for_each(|one| one.rescuer = u32::MAX);
    column(fake, 1)
}

fn column(fake: &mut Fake, place: usize) -> String {
    let (text, status) = fake.run("ps");
    assert_eq!(status, 0, "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    let start = text.find("WAITS").expect("a heading");
    text.lines().nth(place + 1).expect("a line")[start..].to_owned()
}

#[test]
fn a_client_waits_for_answers_that_it_is_owed() {
    let mut fake = Fake::new();
    let call = CONSOLE | EventBit::PEER.mask();
    assert_eq!(waits(&mut fake, call), "answer of io-console");
    fake.end.1 = 56;
    assert_eq!(waits(&mut fake, call), "3, peer");
    assert_eq!(waits(&mut fake, u64::MAX), "interrupt 4");
}

#[test]
fn a_server_waits_for_requests_whatever_was_answered() {
    let mut fake = Fake::new();
    for completions in [55, 56] {
        fake.end = (Role::Server, completions);
        assert_eq!(waits(&mut fake, CONSOLE), "requests (io-console)");
        assert_eq!(waits(&mut fake, CONSOLE | INTERRUPT), "1 client, interrupt 4");
    }
}

#[test]
fn only_what_is_behind_the_events_is_told() {
    let mut fake = Fake::new();
    let events = [INTERRUPT, 1 << 5, 0, EventBit::STOP.mask(), EventBit::FAULT.mask()];
    let said = events.map(|events| waits(&mut fake, events));
    assert_eq!(said, ["interrupt 4", "5", "time only", "stop", "fault"]);
    let web = &mut fake.partitions[3];
    (web.state, web.waits_for) = (PartitionState::Waiting as u32, u64::MAX);
    assert_eq!(column(&mut fake, 3), "a timer, or nothing: idle");
}

#[test]
fn interrupts_are_asked_for_only_where_their_events_leave_room() {
    for (event, said) in [(1, "1 answer, interrupt 4"), (0, "answer of io-console")] {
        let mut fake = Fake::new();
        fake.event = event;
        assert_eq!(waits(&mut fake, u64::MAX), said);
    }
}

#[test]
fn rescuers_wait_for_faults() {
    let mut fake = Fake::new();
    fake.partitions[1].waits_for = EventBit::FAULT.mask();
    assert_eq!(column(&mut fake, 1), "faults of 4");
    fake.partitions.iter_mut().skip(1).for_each(|one| one.rescuer = u32::MAX);
    assert_eq!(column(&mut fake, 1), "faults (resource-manager)");
    fake.partitions[1].waits_for = u64::MAX;
    assert_eq!(column(&mut fake, 1), "1 answer, interrupt 4, ...");
}
