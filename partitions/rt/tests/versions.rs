//! Ends of a channel whose programs speak other versions than the images promise: both are told, and nothing hangs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod any;

use abi::channel::ChannelKind;
use any::{Any, AnyRequest, AnyStatus};
use rt::mock::World;
use rt::protocol::Protocol;
use rt::{CallError, Client, EndEvent, Partition, Server, Signal, Start, System};

/// The same protocol as a program speaks it that knows the second version alone.
enum Later {}

impl Protocol for Later {
    const KINDS: &'static [ChannelKind] = Any::KINDS;
    const VERSIONS: rt::abi::channel::Versions = rt::abi::channel::Versions::of(&[2]);
    type Request = AnyRequest;
    type Status = AnyStatus;
}

/// Has one end of a channel, on which `P` is spoken, and answers what it is asked.
struct End<P: Protocol> {
    client: Option<Client<P>>,
    server: Option<Server<P>>,
    events: Vec<EndEvent>,
    answers: u32,
}

impl<P: Protocol<Request = AnyRequest, Status = AnyStatus>> Partition for End<P> {
    fn started(system: &mut System, _: &Start) -> Self {
        let client = system.client("one");
        if let Some(client) = client {
            let _ = Client::<P>::send_idempotent(client, system, AnyRequest::Now, b"x");
        }
        let server = system.server("one");
        Self { client, server, events: Vec::new(), answers: 0 }
    }
    fn signal(&mut self, system: &mut System, _: Signal) {
        while let Some(answer) = self.client.and_then(|client| client.next(system)) {
            self.answers += u32::from(answer.status() == Ok(AnyStatus::Ok));
        }
        while let Some(request) = self.server.and_then(|server| server.next(system)) {
            let server = self.server.unwrap();
            server.answer(system, &request, AnyStatus::Ok, b"");
        }
    }
    fn end_event(&mut self, _: &mut System, _: Signal, event: EndEvent) {
        self.events.push(event);
    }
}

type Seen = (Vec<EndEvent>, u32);

/// What both see of each other, and what the client is told that asks once more.
fn seen<C, S>() -> (Seen, Seen, Option<CallError>)
where
    C: Protocol<Request = AnyRequest, Status = AnyStatus>,
    S: Protocol<Request = AnyRequest, Status = AnyStatus>,
{
    let world = World::new();
    let (asks, serves) = (world.partition("asks"), world.partition("serves"));
    world.channel(ChannelKind::Custom, (asks, "one"), (serves, "one"));
    let (asks, serves) = (world.start::<End<C>>(asks), world.start::<End<S>>(serves));
    world.run();
    let again = asks.with(|main, system| {
        let client = main.client.unwrap();
        assert_eq!(client.version(system) == 0, !main.events.is_empty());
        client.send(system, AnyRequest::Now, b"again").err()
    });
    world.run();
    let server = serves.with(|main, _| (main.events.clone(), main.answers));
    (asks.with(|main, _| (main.events.clone(), main.answers)), server, again)
}

// covers: REC-4
#[test]
fn both_ends_learn_that_they_have_no_version_in_common() {
    let none = vec![EndEvent::NoCommonVersion];
    let refused = Some(CallError::NoVersion);
    assert_eq!(seen::<Any, Any>(), ((Vec::new(), 2), (Vec::new(), 0), None));
    assert_eq!(seen::<Later, Any>(), ((none.clone(), 0), (none.clone(), 0), refused));
    assert_eq!(seen::<Any, Later>(), ((none.clone(), 0), (none, 0), refused));
}
