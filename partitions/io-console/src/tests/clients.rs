//! What clients and the person at the terminal get.

use crate::consoles::{Asked, Clients, Consoles, KEPT, Line, OPEN_READS, TYPED_AHEAD, WAITING};
use crate::uart::Traffic;
use abi::channel::INLINE;
use abi::message::console::{ConsoleRequest, ConsoleStatus};
use proptest::prelude::*;

/// An answer: place, ticket, status, bytes.
pub type Answer = (usize, u64, ConsoleStatus, Vec<u8>);

#[derive(Default)]
pub struct Answers(pub Vec<Answer>);

impl Clients for Answers {
    type Ticket = u64;
    fn answer(&mut self, place: usize, ticket: u64, status: ConsoleStatus, bytes: &[u8]) {
        self.0.push((place, ticket, status, bytes.to_vec()));
    }
}

/// Partition 7 is the operator's, 8 and 9 are others.
struct Service {
    consoles: Consoles<u64>,
    answers: Answers,
    ticket: u64,
}

const OPERATOR: usize = 0;
const WEB: usize = 1;
const DISK: usize = 2;

impl Service {
    fn new() -> Self {
        let mut consoles = Consoles::new(4 * KEPT);
        assert_eq!(consoles.add(7, true), OPERATOR);
        assert_eq!(consoles.add(8, false), WEB);
        assert_eq!(consoles.add(9, false), DISK);
        Self { consoles, answers: Answers::default(), ticket: 0 }
    }

    fn ask(
        &mut self,
        place: usize,
        code: ConsoleRequest,
        bytes: &[u8],
    ) -> Option<(ConsoleStatus, Vec<u8>)> {
        self.ticket += 1;
        let asked = Asked { ticket: self.ticket, code: Some(code), bytes };
        self.consoles.request(&mut self.answers, place, &asked);
        let (to, ticket, status, bytes) = self.answers.0.last()?.clone();
        (to == place && ticket == self.ticket).then_some((status, bytes))
    }

    fn write(&mut self, place: usize, text: &str) {
        let done = self.ask(place, ConsoleRequest::Write, text.as_bytes());
        assert_eq!(done, Some((ConsoleStatus::Ok, vec![])));
    }

    fn types(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.consoles.typed(&mut self.answers, byte);
        }
    }

    fn shown(&mut self) -> String {
        let mut line = Line { consoles: &mut self.consoles, clients: &mut self.answers };
        let mut bytes = Vec::new();
        let mut piece = [0; 16];
        loop {
            let count = line.next(&mut piece);
            if count == 0 {
                return String::from_utf8(bytes).expect("text");
            }
            bytes.extend(&piece[..count]);
        }
    }

    fn log(&mut self, partition: u32) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let offset = u32::try_from(all.len()).expect("small");
            let request = [partition.to_le_bytes(), offset.to_le_bytes()].concat();
            let (status, bytes) =
                self.ask(OPERATOR, ConsoleRequest::Scrollback, &request).expect("an answer");
            assert_eq!(status, ConsoleStatus::Ok);
            if bytes.is_empty() {
                return all;
            }
            all.extend(bytes);
        }
    }
}

#[test]
fn only_the_attached_console_is_shown_and_all_are_kept() {
    let mut service = Service::new();
    service.write(OPERATOR, "prompt> ");
    service.write(WEB, "hello from web\n");
    assert_eq!(service.shown(), "prompt> ");
    assert_eq!(service.log(8), b"hello from web\n");
    assert_eq!(service.log(7), b"prompt> ");
}

/// The queue goes round and round; what lies across its end is as whole as anything else.
#[test]
fn no_mark_is_cut_wherever_it_lies_in_the_queue() {
    let mark = "\x1b]133;D;127\x07";
    let mut service = Service::new();
    let (mut all, mut seen, mut piece) = (Vec::new(), Vec::new(), [0; 16]);
    for round in 0..3 * WAITING / 20 {
        let text = ["x".repeat(round % 7).as_str(), mark].concat();
        service.write(OPERATOR, &text);
        all.extend(text.bytes());
        let mut line = Line { consoles: &mut service.consoles, clients: &mut service.answers };
        for _ in 0..1 + usize::from(round % 5 == 0) {
            let count = line.next(&mut piece);
            let whole = piece[..count].iter().filter(|byte| **byte == 0x1b).count();
            let ends = piece[..count].iter().filter(|byte| **byte == 0x07).count();
            assert_eq!(whole, ends, "a mark that was cut, in round {round}");
            seen.extend(&piece[..count]);
        }
    }
    seen.extend(service.shown().bytes());
    assert!(seen == all, "{} of {} bytes", seen.len(), all.len());
}

#[test]
fn a_line_feed_starts_a_new_line_on_the_terminal() {
    let mut service = Service::new();
    service.write(OPERATOR, "a\nb\r");
    service.write(OPERATOR, "\nc\n\n");
    assert_eq!(service.shown(), "a\r\nb\r\nc\r\n\r\n");
}

#[test]
fn the_person_talks_to_a_partition_until_the_key_is_pressed() {
    let mut service = Service::new();
    assert_eq!(service.ask(WEB, ConsoleRequest::Read, &[]), None);
    assert_eq!(service.ask(OPERATOR, ConsoleRequest::Attach, &8_u32.to_le_bytes()), None);
    let attach = service.ticket;
    service.write(WEB, "said at once\n");
    assert_eq!(service.shown(), "-- Ctrl-] returns --\r\nsaid at once\r\n");
    service.types(b"x");
    assert_eq!(service.answers.0.last(), Some(&(WEB, 1, ConsoleStatus::Ok, b"x".to_vec())));
    service.write(OPERATOR, "unseen");
    service.write(WEB, "seen");
    assert_eq!(service.shown(), "seen");
    service.types(b"\x1d");
    assert_eq!(service.answers.0.last(), Some(&(OPERATOR, attach, ConsoleStatus::Ok, vec![])));
    service.write(WEB, "unseen");
    service.write(OPERATOR, "back");
    assert_eq!(service.shown(), "back");
    // Pressed once more it answers nobody.
    let before = service.answers.0.len();
    service.types(b"\x1d");
    assert_eq!(service.answers.0.len(), before);
}

/// Whoever reads how to return can rely on it: keys of before that are the operator's, and those from then on are not.
#[test]
fn the_terminal_says_from_when_on_keys_go_elsewhere() {
    let mut service = Service::new();
    service.write(OPERATOR, "-- talking to web --\n");
    service.types(b"early\x1d");
    assert_eq!(service.shown(), "-- talking to web --\r\n", "keys go to the operator still");
    for (partition, says) in [(77, ""), (7, ""), (8, "-- Ctrl-] returns --\r\n")] {
        service.ask(OPERATOR, ConsoleRequest::Attach, &u32::to_le_bytes(partition));
        assert_eq!(service.shown(), says, "after attaching to {partition}");
    }
    service.ask(OPERATOR, ConsoleRequest::Attach, &8_u32.to_le_bytes());
    assert_eq!(service.shown(), "", "they went elsewhere before");
    service.types(b"late");
    let read = service.ask(OPERATOR, ConsoleRequest::Read, &[]);
    assert_eq!(read, Some((ConsoleStatus::Ok, b"early".to_vec())));
    assert_eq!(service.log(7), b"-- talking to web --\n", "what was never written is not kept");
}

#[test]
fn only_the_operator_may_attach_and_look_back() {
    let mut service = Service::new();
    for code in [ConsoleRequest::Attach, ConsoleRequest::Scrollback] {
        let refused = Some((ConsoleStatus::NotAllowed, vec![]));
        assert_eq!(service.ask(WEB, code, &[7, 0, 0, 0, 0, 0, 0, 0]), refused);
        let unknown = Some((ConsoleStatus::NoSuchConsole, vec![]));
        let request = [99, 0, 0, 0, 0, 0, 0, 0];
        let length = if code == ConsoleRequest::Attach { 4 } else { 8 };
        assert_eq!(service.ask(OPERATOR, code, &request[..length]), unknown);
        let malformed = Some((ConsoleStatus::Malformed, vec![]));
        assert_eq!(service.ask(OPERATOR, code, &request[..3]), malformed);
    }
}

#[test]
fn the_operators_own_console_is_attached_already() {
    let mut service = Service::new();
    let done = service.ask(OPERATOR, ConsoleRequest::Attach, &7_u32.to_le_bytes());
    assert_eq!(done, Some((ConsoleStatus::Ok, vec![])));
}

#[test]
fn what_is_typed_ahead_waits_for_the_reader_and_is_bounded() {
    let mut service = Service::new();
    service.types(&b"k".repeat(TYPED_AHEAD + 100));
    let mut read = 0;
    while let Some((status, bytes)) = service.ask(OPERATOR, ConsoleRequest::Read, &[]) {
        assert_eq!(status, ConsoleStatus::Ok);
        read += bytes.len();
    }
    assert_eq!(read, TYPED_AHEAD);
}

#[test]
fn a_client_has_few_open_reads() {
    let mut service = Service::new();
    for _ in 0..OPEN_READS {
        assert_eq!(service.ask(WEB, ConsoleRequest::Read, &[]), None);
    }
    let refused = Some((ConsoleStatus::Malformed, vec![]));
    assert_eq!(service.ask(WEB, ConsoleRequest::Read, &[]), refused);
}

#[test]
fn nobody_is_held_up_but_the_attached_client() {
    let mut service = Service::new();
    let mut written = 0;
    while service.consoles.may_take(OPERATOR) {
        service.write(OPERATOR, &"\n".repeat(INLINE));
        written += INLINE;
    }
    assert!(service.consoles.may_take(WEB));
    service.write(WEB, "still served");
    let shown = service.shown();
    assert_eq!(shown.len(), 2 * written, "nothing of the attached console's text is lost");
    assert!(shown.len() <= WAITING);
    assert!(service.consoles.may_take(OPERATOR));
}

#[test]
fn a_restarted_client_starts_with_nothing_open() {
    let mut service = Service::new();
    service.write(WEB, "before\n");
    assert_eq!(service.ask(WEB, ConsoleRequest::Read, &[]), None);
    assert_eq!(service.ask(OPERATOR, ConsoleRequest::Attach, &8_u32.to_le_bytes()), None);
    service.consoles.forget(WEB, 8);
    let before = service.answers.0.len();
    service.types(b"y");
    assert_eq!(service.answers.0.len(), before, "the old read is gone");
    assert_eq!(
        service.ask(WEB, ConsoleRequest::Read, &[]),
        Some((ConsoleStatus::Ok, b"y".to_vec()))
    );
    // The operator's restart brings the terminal back to it.
    service.shown();
    service.consoles.forget(OPERATOR, 7);
    service.write(OPERATOR, "prompt> ");
    assert_eq!(service.shown(), "prompt> ");
    assert_eq!(service.log(8), b"before\n");
    service.consoles.forget(WEB, 12);
    assert_eq!(service.log(12), b"", "another partition does not inherit the text");
}

#[test]
fn memory_for_scrollback_is_bounded() {
    let mut consoles = Consoles::new(KEPT);
    let mut answers = Answers::default();
    for partition in 0..3 {
        let place = consoles.add(partition, partition == 0);
        let asked = Asked { ticket: 1, code: Some(ConsoleRequest::Write), bytes: b"text" };
        consoles.request(&mut answers, place, &asked);
    }
    let mut kept = |partition: u32| {
        let request = [partition.to_le_bytes(), [0; 4]].concat();
        let asked = Asked { ticket: 2, code: Some(ConsoleRequest::Scrollback), bytes: &request };
        consoles.request(&mut answers, 0, &asked);
        answers.0.last().expect("an answer").3.clone()
    };
    assert_eq!((kept(0), kept(1), kept(2)), (b"text".to_vec(), vec![], vec![]));
}

proptest! {
    /// Every request is answered at most once, all but reads and attaching at once, whatever comes.
    #[test]
    fn any_requests_are_survived_and_answered(
        steps in prop::collection::vec((0_usize..5, 0_u16..8, prop::collection::vec(any::<u8>(), 0..=INLINE), any::<u8>()), 0..200),
    ) {
        let mut service = Service::new();
        for (ticket, (place, code, bytes, typed)) in (0..).zip(steps) {
            let code = ConsoleRequest::from_code(code);
            let waits = matches!(code, Some(ConsoleRequest::Read | ConsoleRequest::Attach));
            service.consoles.request(&mut service.answers, place, &Asked { ticket, code, bytes: &bytes });
            let answered = service.answers.0.iter().filter(|answer| answer.1 == ticket).count();
            prop_assert!(answered == 1 || waits && answered == 0);
            service.types(&[typed]);
            prop_assert!(service.answers.0.iter().filter(|answer| answer.1 == ticket).count() <= 1);
        }
    }
}

/// Keys that were meant for one partition never reach another that took its place.
#[test]
fn the_terminal_leaves_a_console_whose_client_is_gone() {
    let mut service = Service::new();
    assert_eq!(service.ask(OPERATOR, ConsoleRequest::Attach, &8_u32.to_le_bytes()), None);
    let attach = service.ticket;
    service.consoles.left(&mut service.answers, WEB);
    let told = (OPERATOR, attach, ConsoleStatus::Ok, vec![]);
    assert_eq!(service.answers.0.last(), Some(&told), "the operator has the terminal again");
    assert_eq!(service.consoles.attached(), OPERATOR);
    let nobody = abi::manifest::NO_PARTITION.to_le_bytes();
    let refused = Some((ConsoleStatus::NoSuchConsole, vec![]));
    assert_eq!(service.ask(OPERATOR, ConsoleRequest::Attach, &nobody), refused);
    service.consoles.forget(WEB, 10);
    service.types(b"secret");
    assert!(service.ask(WEB, ConsoleRequest::Read, &[]).is_none(), "nothing was typed for it");
}

/// Neither a second operator nor who takes the place of one that is gone has an operator's rights, or the terminal.
#[test]
fn there_is_one_operator_and_its_place_is_not_its_right() {
    let mut service = Service::new();
    let copy = service.consoles.add(10, true);
    assert_eq!(service.consoles.attached(), OPERATOR, "the terminal stays where it was");
    let refused = Some((ConsoleStatus::NotAllowed, vec![]));
    let attach = 8_u32.to_le_bytes();
    assert_eq!(service.ask(copy, ConsoleRequest::Attach, &attach), refused);
    service.consoles.left(&mut service.answers, OPERATOR);
    service.consoles.forget(OPERATOR, 11);
    service.types(b"secret");
    assert_eq!(service.ask(OPERATOR, ConsoleRequest::Attach, &attach), refused);
    assert!(service.ask(OPERATOR, ConsoleRequest::Read, &[]).is_none(), "it hears nothing");
    let next = service.consoles.add(12, true);
    assert_eq!(service.consoles.attached(), next);
    assert_eq!(service.ask(next, ConsoleRequest::Attach, &attach), None, "it talks to another");
}
