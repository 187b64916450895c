//! Commands that are nearly right, and a resource manager and a console service that lie.

use super::fake::Fake;
use crate::{Reply, Session, Surroundings, Trouble};
use abi::channel::INLINE;
use abi::message::console::ConsoleStatus;
use abi::message::resource::{ResourceRequest, ResourceStatus};
use abi::types::Nanoseconds;
use console_grammar::{Command, commands, parse};
use proptest::prelude::*;
use std::fmt;

/// So many cases, and so many where the long form is asked for.
fn cases(short: u32, long: u32) -> ProptestConfig {
    let campaign = std::env::var_os("BULKHEAD_CAMPAIGN").is_some();
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if campaign { long } else { short })
    }
}

/// Commands from which others are made.
const LINES: [&str; 21] = [
    "ps",
    "start web",
    "stop web",
    "kill web",
    "restart web",
    "create web",
    "create web share 2 memory 1M processor 1",
    "map",
    "map 164000 64K",
    "destroy web",
    "plan",
    "channels",
    "caps web",
    "log web",
    "trace 5",
    "console web",
    "audit",
    "uptime",
    "help start",
    "shutdown; reboot",
    "restart resource-manager; ps; kill io-console",
];

/// One change of a line: a letter put in, taken out or replaced, a part doubled or cut off.
fn edited(line: &str, edits: &[(prop::sample::Index, u8, char)]) -> String {
    let mut letters: Vec<char> = line.chars().collect();
    for (place, kind, letter) in edits {
        let place = place.index(letters.len() + 1);
        match kind {
            0 => letters.insert(place, *letter),
            1 if place < letters.len() => drop(letters.remove(place)),
            2 if place < letters.len() => letters[place] = *letter,
            3 => letters.truncate(place),
            4 => letters.extend_from_within(place..),
            _ => {}
        }
    }
    letters.truncate(100);
    letters.into_iter().collect()
}

const fn changes_something(command: Command<'_>) -> bool {
    matches!(
        command,
        Command::Start(_)
            | Command::Stop(_)
            | Command::Kill(_)
            | Command::Restart(_)
            | Command::Create(..)
            | Command::Destroy(_)
            | Command::Shutdown
            | Command::Reboot
    )
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, u8, char)> {
    (
        any::<prop::sample::Index>(),
        0_u8..5,
        prop_oneof![4 => prop::char::range(' ', '~'), 1 => Just(';'), 1 => Just(' ')],
    )
}

proptest! {
    #![proptest_config(cases(3000, 1_000_000))]

    /// What is no command is refused with its sentence, status 1, and changes nothing; nothing else is asked for than what was typed.
    #[test]
    fn mutated_commands_are_refused_with_a_sentence(
        line in prop::sample::select(&LINES), edits in prop::collection::vec(edit(), 0..5),
    ) {
        let line = edited(line, &edits);
        let mut fake = Fake::new();
        let (text, status) = fake.run(&line);
        let mut wanted = 0;
        for part in commands(&line) {
            match parse(part) {
                Ok(command) => wanted += usize::from(changes_something(command)),
                Err(mistake) => {
                    let sentence = mistake.to_string();
                    prop_assert!(status == 1 && text.contains(&sentence), "{:?}: {:?}", line, text);
                }
            }
        }
        prop_assert!(fake.changes.len() <= wanted, "{:?}: {:?}", line, fake.changes);
        prop_assert!(text.is_empty() || text.ends_with('\n'), "{:?}", text);
    }
}

/// How an answer is falsified.
#[derive(Clone, Debug)]
enum Lie {
    Truth,
    Bytes(Vec<u8>),
    /// The true answer with a byte changed.
    Near(usize, u8),
    Nothing(Trouble),
}

/// Lies in turn about everything it is asked.
struct Liar {
    fake: Fake,
    lies: Vec<Lie>,
    asked: usize,
}

impl Liar {
    fn answer(&mut self, truth: Result<Reply, Trouble>) -> Result<Reply, Trouble> {
        let lie = self.lies[self.asked % self.lies.len()].clone();
        self.asked += 1;
        match (lie, truth) {
            (Lie::Truth, truth) => truth,
            (Lie::Bytes(bytes), _) => Ok(Reply::new(&bytes)),
            (Lie::Near(place, value), Ok(truth)) if !truth.bytes().is_empty() => {
                let mut bytes = truth.bytes().to_vec();
                let place = place % bytes.len();
                bytes[place] = value;
                Ok(Reply::new(&bytes))
            }
            (Lie::Near(..), truth) => truth,
            (Lie::Nothing(trouble), _) => Err(trouble),
        }
    }
}

impl fmt::Write for Liar {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.fake.write_str(text)
    }
}

impl Surroundings for Liar {
    fn show(&mut self, bytes: &[u8]) {
        self.fake.show(bytes);
    }
    fn flush(&mut self) {}
    fn ask(&mut self, request: ResourceRequest, body: &[u8]) -> Result<Reply, Trouble> {
        let truth = self.fake.ask(request, body);
        self.answer(truth)
    }
    fn read_data(&mut self, offset: usize, to: &mut [u8]) -> bool {
        let there = self.fake.read_data(offset, to);
        match self.lies[self.asked % self.lies.len()] {
            Lie::Near(place, value) if !to.is_empty() => to[place % to.len()] = value,
            _ => {}
        }
        there
    }
    fn scrollback(&mut self, partition: u32, offset: u32) -> Result<Reply, Trouble> {
        let truth = self.fake.scrollback(partition, offset);
        self.answer(truth)
    }
    fn attach(&mut self, partition: u32) -> Result<(), Trouble> {
        let truth = self.fake.attach(partition).map(|()| Reply::new(&[]));
        self.answer(truth).map(drop)
    }
    fn columns(&mut self) -> u16 {
        0
    }
    fn now(&self) -> Nanoseconds {
        self.fake.now()
    }
    fn myself(&self) -> u32 {
        self.fake.myself()
    }
}

fn lie() -> impl Strategy<Value = Lie> {
    let trouble = prop::sample::select(vec![
        Trouble::Refused(ResourceStatus::NoSuch, None),
        Trouble::Refused(ResourceStatus::Kernel, Some(77)),
        Trouble::Console(ConsoleStatus::Malformed),
        Trouble::NoAnswer,
        Trouble::Nonsense,
    ]);
    prop_oneof![
        4 => Just(Lie::Truth),
        2 => prop::collection::vec(any::<u8>(), 0..=INLINE).prop_map(Lie::Bytes),
        // Most records are as long as one of these.
        2 => prop::sample::select(vec![4_usize, 24, 32, 40, 88, 96, 104])
            .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length)).prop_map(Lie::Bytes),
        4 => (0_usize..112, any::<u8>()).prop_map(|(at, value)| Lie::Near(at, value)),
        // What terminals obey, into a name.
        2 => (0_usize..24, prop::sample::select(vec![0x1b, 7, 8, b'\r']))
            .prop_map(|(at, value)| Lie::Near(at, value)),
        1 => trouble.prop_map(Lie::Nothing),
    ]
}

/// What a command shows, without the echo of the line before it and the mark and prompt after it.
fn of_command(shown: &str) -> &str {
    let (_, text) = shown.split_once("\r\n").expect("the echo");
    text.rsplit_once("\x1b]133;D;").expect("the mark").0
}

proptest! {
    #![proptest_config(cases(400, 20_000))]

    /// Whatever is answered, a command ends, with a status, and what is shown moves no cursor and passes for no mark.
    #[test]
    fn whatever_is_answered_the_console_goes_on(
        line in prop::sample::select(&LINES), lies in prop::collection::vec(lie(), 1..12),
    ) {
        let mut liar = Liar { fake: Fake::new(), lies, asked: 0 };
        liar.fake.log = b"\x1b]133;D;0\x07 text \x1b[2J\n".repeat(20);
        let mut session = Session::new();
        session.typed(&mut liar, line.as_bytes());
        session.typed(&mut liar, b"\r");
        prop_assert!(liar.asked < 200_000);
        let shown = String::from_utf8_lossy(&liar.fake.shown).into_owned();
        let text = of_command(&shown);
        prop_assert!(shown.matches("\x1b]133;D;").count() == 1, "{:?}", shown);
        prop_assert!(!text.contains(|letter: char| letter.is_control() && !"\n\t".contains(letter)), "{:?}", text);
        liar.lies = vec![Lie::Truth];
        liar.fake.manager_is_gone = false;
        liar.fake.shown.clear();
        session.typed(&mut liar, b"uptime\r");
        prop_assert!(String::from_utf8_lossy(&liar.fake.shown).contains("up 1 h 02 min"));
    }
}
