//! Clients that mean harm beside others that do not, against a naive model of what each may see.

use super::clients::Answers;
use crate::consoles::{Asked, Clients, Consoles, KEPT, Line, OPEN_READS, TYPED_AHEAD, WAITING};
use crate::uart::Traffic;
use abi::channel::INLINE;
use abi::message::console::{ConsoleRequest, ConsoleStatus};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// The operator's place, and how many consoles there are. Their partitions have numbers from [`FIRST`] on.
const OPERATOR: usize = 0;
const COUNT: usize = 4;
const FIRST: u32 = 7;

#[derive(Clone, Debug)]
enum Step {
    Ask(usize, u16, Vec<u8>),
    Type(u8),
    /// The terminal takes so many bytes.
    Take(usize),
    /// A client is restarted.
    Restart(usize),
}

/// What a console must do, told in the plainest way.
#[derive(Default)]
struct Plain {
    text: Vec<u8>,
    typed: VecDeque<u8>,
    reads: VecDeque<u64>,
}

struct Model {
    consoles: [Plain; COUNT],
    attached: usize,
    attach: Option<u64>,
    after_return: bool,
    /// All that the terminal must get.
    line: Vec<u8>,
    /// All that must be answered, by ticket.
    answers: BTreeMap<u64, (usize, ConsoleStatus, Vec<u8>)>,
}

impl Model {
    fn new() -> Self {
        Self {
            consoles: Default::default(),
            attached: OPERATOR,
            attach: None,
            after_return: false,
            line: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    fn answer(&mut self, place: usize, ticket: u64, status: ConsoleStatus, bytes: &[u8]) {
        assert!(self.answers.insert(ticket, (place, status, bytes.to_vec())).is_none());
    }

    fn write(&mut self, place: usize, bytes: &[u8]) {
        self.consoles[place].text.extend_from_slice(bytes);
        if place == self.attached {
            self.show(bytes);
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' && !self.after_return {
                self.line.push(b'\r');
            }
            self.line.push(byte);
            self.after_return = byte == b'\r';
        }
    }

    fn deliver(&mut self, place: usize) {
        let console = &mut self.consoles[place];
        if console.typed.is_empty() || console.reads.is_empty() {
            return;
        }
        let ticket = console.reads.pop_front().unwrap();
        let count = console.typed.len().min(INLINE);
        let bytes: Vec<u8> = console.typed.drain(..count).collect();
        self.answer(place, ticket, ConsoleStatus::Ok, &bytes);
    }

    /// The console that a body of `length` bytes names in its first four.
    fn named(body: &[u8], length: usize) -> Result<usize, ConsoleStatus> {
        if body.len() != length {
            return Err(ConsoleStatus::Malformed);
        }
        let number = u32::from_le_bytes(body[..4].try_into().unwrap());
        let place = number.checked_sub(FIRST).map(|place| place as usize);
        place.filter(|&place| place < COUNT).ok_or(ConsoleStatus::NoSuchConsole)
    }

    fn detach(&mut self) {
        self.attached = OPERATOR;
        if let Some(ticket) = self.attach.take() {
            self.answer(OPERATOR, ticket, ConsoleStatus::Ok, &[]);
        }
    }

    fn ask(&mut self, place: usize, code: u16, body: &[u8], ticket: u64) {
        use ConsoleStatus as S;
        match code {
            1 => {
                self.write(place, body);
                self.answer(place, ticket, S::Ok, &[]);
            }
            2 if self.consoles[place].reads.len() < OPEN_READS => {
                self.consoles[place].reads.push_back(ticket);
                self.deliver(place);
            }
            3 | 4 if place != OPERATOR => self.answer(place, ticket, S::NotAllowed, &[]),
            3 => match Self::named(body, 4) {
                Ok(OPERATOR) => self.answer(place, ticket, S::Ok, &[]),
                Ok(other) => {
                    if self.attached == OPERATOR {
                        self.show(b"-- Ctrl-] returns --\n");
                    }
                    self.detach();
                    (self.attached, self.attach) = (other, Some(ticket));
                }
                Err(status) => self.answer(place, ticket, status, &[]),
            },
            4 => match Self::named(body, 8) {
                Ok(other) => {
                    let offset = u32::from_le_bytes(body[4..].try_into().unwrap()) as usize;
                    let text = &self.consoles[other].text;
                    let kept = &text[text.len().saturating_sub(KEPT)..];
                    let rest = kept.get(offset..).unwrap_or_default();
                    let piece = rest[..rest.len().min(INLINE)].to_vec();
                    self.answer(place, ticket, S::Ok, &piece);
                }
                Err(status) => self.answer(place, ticket, status, &[]),
            },
            5 => self.answer(place, ticket, S::Ok, &[0; 4]),
            _ => self.answer(place, ticket, S::Malformed, &[]),
        }
    }

    fn typed(&mut self, byte: u8) {
        if byte == 0x1d {
            return self.detach();
        }
        if self.consoles[self.attached].typed.len() < TYPED_AHEAD {
            self.consoles[self.attached].typed.push_back(byte);
        }
        self.deliver(self.attached);
    }

    fn restart(&mut self, place: usize) {
        self.consoles[place].reads.clear();
        self.consoles[place].typed.clear();
        if place == OPERATOR {
            (self.attach, self.attached) = (None, OPERATOR);
        }
    }
}

/// Takes up to `count` bytes off the line.
fn take<C: Clients<Ticket = u64>>(
    consoles: &mut Consoles<u64>,
    clients: &mut C,
    count: usize,
) -> Vec<u8> {
    let mut line = Line { consoles, clients };
    let count = count.min(WAITING);
    let mut bytes = vec![0; count];
    // A piece may be cut short before a mark.
    let mut length = 0;
    while length < count {
        let more = line.next(&mut bytes[length..]);
        if more == 0 {
            break;
        }
        length += more;
    }
    bytes.truncate(length);
    bytes
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![4 => 6_u32..12, 1 => any::<u32>()];
    let words = (number, prop_oneof![4 => 0_u32..300, 1 => any::<u32>()]);
    let body = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..=INLINE),
        2 => prop::collection::vec(prop::sample::select(vec![b'\r', b'\n', b'x']), 0..=INLINE),
        2 => words.clone().prop_map(|(number, _)| number.to_le_bytes().to_vec()),
        2 => words.prop_map(|(number, offset)| [number.to_le_bytes(), offset.to_le_bytes()].concat()),
    ];
    let code = prop_oneof![8 => 1_u16..6, 1 => any::<u16>()];
    prop_oneof![
        10 => (0..COUNT, code, body).prop_map(|(place, code, body)| Step::Ask(place, code, body)),
        3 => prop_oneof![9 => any::<u8>(), 1 => Just(0x1d)].prop_map(Step::Type),
        2 => (0_usize..400).prop_map(Step::Take),
        1 => (0..COUNT).prop_map(Step::Restart),
    ]
}

fn cases() -> ProptestConfig {
    let campaign = std::env::var_os("BULKHEAD_CAMPAIGN").is_some();
    let cases = if campaign { 5000 } else { 150 };
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases())]

    /// Every answer, the terminal and the scrollback are what the model says, whoever sends what and is restarted when.
    // covers: CHN-6
    #[test]
    fn each_client_sees_what_it_may_whatever_the_others_send(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut consoles = Consoles::new(COUNT * KEPT);
        for (place, partition) in (0..COUNT).zip(FIRST..) {
            consoles.add(partition, place == OPERATOR);
        }
        let (mut clients, mut model, mut line) = (Answers::default(), Model::new(), Vec::new());
        for (ticket, step) in (0_u64..).zip(steps) {
            match step {
                // What may not be taken stays in its channel.
                Step::Ask(place, ..) if !consoles.may_take(place) => {
                    prop_assert_eq!(place, model.attached, "only the attached client is held up");
                }
                Step::Ask(place, code, bytes) => {
                    let code_known = ConsoleRequest::from_code(code);
                    let asked = Asked { ticket, code: code_known, bytes: &bytes };
                    consoles.request(&mut clients, place, &asked);
                    model.ask(place, code, &bytes, ticket);
                }
                Step::Type(byte) => {
                    consoles.typed(&mut clients, byte);
                    model.typed(byte);
                }
                Step::Take(count) => line.extend(take(&mut consoles, &mut clients, count)),
                Step::Restart(place) => {
                    consoles.forget(place, FIRST + place as u32);
                    model.restart(place);
                }
            }
            prop_assert_eq!(clients.0.len(), model.answers.len());
            if let Some((place, ticket, status, bytes)) = clients.0.last() {
                prop_assert_eq!(&model.answers[ticket], &(*place, *status, bytes.clone()));
            }
        }
        line.extend(take(&mut consoles, &mut clients, usize::MAX));
        prop_assert_eq!(line, model.line);
    }
}
