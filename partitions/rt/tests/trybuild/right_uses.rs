//! What is right compiles, so that the others fail for their own reason.
use rt::capability::{Capability, object, right};
use rt::operation::{context, partition};
use rt::protocol::{Console, ConsoleRequest, ConsoleStatus};
use rt::{Client, Request, Server, System};

fn look(all: Capability<object::Context>, look: Capability<object::Context, right::Inspect>) {
    let _ = all.control(context::Stop, [0; 4]);
    let _ = look.control(context::State, [0; 4]);
    let _ = all.only::<right::Manage>().control(context::Start, [0; 4]);
}

fn manage(
    partition: Capability<object::Partition, right::Grant>,
    bell: Capability<object::Doorbell, right::Use>,
) {
    let _ = partition.control(partition::Clear, [0; 4]);
    let _ = bell.ring();
}

fn speak(
    system: &mut System,
    client: Client<Console>,
    server: Server<Console>,
    request: &Request<Console>,
) {
    let _ = client.send(system, ConsoleRequest::Read, &[]);
    server.answer(system, request, ConsoleStatus::Ok, &[]);
}

fn main() {
    let _ = (look, manage, speak);
}
