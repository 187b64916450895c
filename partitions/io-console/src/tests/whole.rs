//! Port and consoles together.

use super::clients::Answers;
use super::port::Wires;
use crate::consoles::{Asked, Consoles, KEPT, Line};
use crate::uart::Uart;
use abi::message::console::{ConsoleRequest, ConsoleStatus};

#[test]
fn text_comes_out_and_keys_go_in() {
    let wires = Wires::default();
    let mut uart = Uart::find(wires.clone()).expect("a port");
    wires.0.borrow_mut().instant = true;
    let mut consoles = Consoles::new(KEPT);
    let mut clients = Answers::default();
    consoles.add(3, true);
    for (ticket, code) in [(1, ConsoleRequest::Write), (2, ConsoleRequest::Read)] {
        let asked = Asked { ticket, code: Some(code), bytes: b"> \n" };
        consoles.request(&mut clients, 0, &asked);
    }
    wires.0.borrow_mut().receive(b'p');
    uart.serve(&mut Line { consoles: &mut consoles, clients: &mut clients });
    assert_eq!(wires.0.borrow().sent, b"> \r\n");
    assert_eq!(clients.0.last(), Some(&(0, 2, ConsoleStatus::Ok, b"p".to_vec())));
    assert!(!consoles.sending());
}
