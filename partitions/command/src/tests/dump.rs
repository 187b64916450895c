//! `dump`: the file that is printed, what ends it, and what a resource manager that lies can make of it.

use super::fake::Fake;
use crate::{Session, Trouble};
use abi::message::core::{
    CORE_PAGE, CorePage, CoreQuery, CoreRegisters, CoreReply, CoreRun, CoreWhat, CorpseRecord,
};
use abi::message::database::TABLE_END;
use abi::message::resource::ResourceStatus;
use core_file::{Begin, Checksum, End, decode};
use zerocopy::{FromBytes, IntoBytes};

/// What the resource manager knows of a partition.
pub struct Left {
    pub reply: CoreReply,
    /// Address of each page with contents; it holds its number, and none that is zero lies between.
    pub pages: Vec<u64>,
    /// Answers until it says that it is another one now.
    pub patience: u32,
    pub corpses: Vec<CorpseRecord>,
}

impl Left {
    pub fn new() -> Self {
        let reply = CoreReply {
            stamp: 77,
            next: TABLE_END,
            reason: 14,
            life: 3,
            count: 0,
            size: 0,
            stopped: 1,
            missing: 0,
            reserved: 0,
        };
        Self {
            reply,
            pages: vec![0x40_0000, 0x40_1000, 0x80_0000, 0x80_5000],
            patience: u32::MAX,
            corpses: Vec::new(),
        }
    }

    /// Answers, two records at a time; what is in the data area then.
    pub fn answer(&mut self, body: &[u8], area: &mut Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let query = CoreQuery::read_from_bytes(body).expect("a query");
        assert!(query.stamp == 0 || query.stamp == self.reply.stamp);
        if self.patience == 0 {
            return Err(Trouble::Refused(ResourceStatus::Disagrees, None));
        }
        self.patience -= 1;
        let what = CoreWhat::from_code(query.what as u16).expect("known");
        let records: Vec<Vec<u8>> = match what {
            CoreWhat::Registers => {
                vec![CoreRegisters { registers: [5; 18] }.as_bytes().to_vec(); 3]
            }
            CoreWhat::Runs => self.runs().iter().map(|run| run.as_bytes().to_vec()).collect(),
            CoreWhat::Pages => {
                self.pages.iter().map(|page| page_of(*page).as_bytes().to_vec()).collect()
            }
        };
        let from = query.from as usize;
        let some: Vec<_> = records.iter().skip(from).take(2).collect();
        let end = from + some.len();
        *area = some.iter().flat_map(|record| record.iter().copied()).collect();
        let size = some.first().map_or(0, |record| record.len());
        let next = if end < records.len() { end as u64 } else { TABLE_END };
        let (count, size) = (some.len() as u32, size as u32);
        Ok(CoreReply { next, count, size, ..self.reply }.as_bytes().to_vec())
    }

    /// A run for each page, and one of four pages of zeros behind the first two of them.
    fn runs(&self) -> Vec<CoreRun> {
        let mut runs: Vec<_> =
            self.pages.iter().map(|page| CoreRun { address: *page, pages: 1, filled: 1 }).collect();
        runs.insert(runs.len().min(2), CoreRun { address: 0x40_2000, pages: 4, filled: 0 });
        runs
    }
}

fn page_of(address: u64) -> CorePage {
    CorePage { address, bytes: [(address >> 12) as u8; CORE_PAGE] }
}

/// Goes on with a dump until it ends.
fn finish(session: &mut Session, fake: &mut Fake) -> String {
    let mut steps = 0;
    while session.is_busy() {
        session.go_on(fake);
        steps += 1;
        assert!(steps < 100_000, "it has no end");
    }
    String::from_utf8(std::mem::take(&mut fake.shown)).expect("text")
}

/// The file in what was shown, whole or not.
fn file_of(shown: &str) -> (Vec<u8>, Option<u32>) {
    let mut lines = shown.lines().skip_while(|line| Begin::parse(line).is_none());
    let begin = Begin::parse(lines.next().expect("a beginning")).expect("a beginning");
    assert_eq!(begin.name, "web");
    let mut file = Vec::new();
    for line in lines {
        if let Some(end) = End::parse(line) {
            assert!(end.checksum.is_none() || file.len() as u64 == begin.bytes);
            return (file, end.checksum);
        }
        // Other words may come in between.
        file.extend(decode(line.as_bytes()).iter().flat_map(|bytes| bytes.get()));
    }
    panic!("it has no end: {shown}")
}

#[test]
fn a_file_comes_piece_by_piece_and_the_line_goes_on_behind_it() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.typed(&mut fake, b"dump web; uptime\r");
    assert!(session.is_busy());
    // What is typed meanwhile waits.
    session.typed(&mut fake, b"uptime\r");
    let shown = finish(&mut session, &mut fake);
    let (file, checksum) = file_of(&shown);
    let mut found = Checksum::new();
    found.add(&file);
    assert_eq!(checksum, Some(found.value()));
    // Three contexts, three segments: the zeros are the tail of the first.
    let memory: Vec<u8> = [0x40_0000_u64, 0x40_1000, 0x80_0000, 0x80_5000]
        .iter()
        .flat_map(|page| page_of(*page).bytes)
        .collect();
    assert!(file.ends_with(&memory) && file.starts_with(b"\x7fELF"));
    assert_eq!(file[56], 4, "notes and segments");
    assert!(shown.contains("web, life 3, page fault"), "{shown}");
    let marks: Vec<_> = shown.match_indices("\x1b]133;D;0\x07").collect();
    assert_eq!(marks.len(), 2, "both lines ended well: {shown}");
    assert_eq!(shown.matches("1 h 02 min").count(), 2, "{shown}");
}

#[test]
fn it_is_ended_by_a_key_by_a_change_and_by_a_lost_console() {
    let mut fake = Fake::new();
    let mut session = Session::new();
    session.typed(&mut fake, b"dump web; kill web\r");
    session.go_on(&mut fake);
    session.typed(&mut fake, b"kill web\r\x03");
    assert!(!session.is_busy());
    let shown = String::from_utf8(std::mem::take(&mut fake.shown)).unwrap();
    assert_eq!(file_of(&shown).1, None);
    assert!(shown.contains("\x1b]133;D;1\x07"), "{shown}");
    assert_eq!(fake.changes, [], "neither the rest of the line nor what was typed ahead is done");

    fake.left.patience = 6;
    session.typed(&mut fake, b"dump web\r");
    let shown = finish(&mut session, &mut fake);
    assert_eq!(file_of(&shown).1, None);
    assert!(shown.contains("the dump is not whole: it was changed meanwhile"), "{shown}");
    assert!(shown.contains("\x1b]133;D;1\x07"));

    fake.left.patience = u32::MAX;
    session.typed(&mut fake, b"dump web\r");
    session.show_again(&mut fake);
    assert!(!session.is_busy());
    let shown = String::from_utf8(std::mem::take(&mut fake.shown)).unwrap();
    assert_eq!(file_of(&shown).1, None);
    session.typed(&mut fake, b"uptime\r");
    assert!(String::from_utf8_lossy(&fake.shown).contains("1 h 02 min"), "the console works");
}

#[test]
fn refusals_say_what_to_type() {
    let cases = [
        ("dump web", ResourceStatus::WrongState, "type pause web first, or dump web last"),
        ("dump web last", ResourceStatus::NoSuch, "nothing is kept of web"),
        ("dump web", ResourceStatus::NotAllowed, "'./bulkhead dump' does, from outside"),
        ("dump web", ResourceStatus::Disagrees, "try again"),
        ("dump web", ResourceStatus::NoSuch, "cannot dump web: there is none any more"),
    ];
    for (line, status, wanted) in cases {
        let mut fake = Fake::new();
        fake.trouble = Some(Trouble::Refused(status, None));
        let (said, status) = fake.run(line);
        assert!(said.contains(wanted) && status == 1, "{line}: {said}");
    }
}

#[test]
fn corpses_are_listed_and_forgotten() {
    let mut fake = Fake::new();
    assert_eq!(fake.run("dump"), ("nothing is kept of anybody\r\n".replace('\r', ""), 0));
    let name = abi::image::name_from("web").unwrap();
    let (id, life, time, reason) = (3, 2, 1_500_000_000, 14);
    fake.left.corpses = vec![CorpseRecord { name, id, life, time, reason, pages: 9, missing: 4 }];
    let (list, _) = fake.run("dump");
    assert!(
        list.contains("  3 web                  2    36 KiB      1.500 s  page fault"),
        "{list}"
    );
    assert!(list.trim_end().ends_with("; 4 pages are missing"), "{list}");
    assert_eq!(fake.run("dump web forget"), ("nothing is kept of web\n".to_owned(), 0));
}

/// Whatever it answers, the console comes back.
#[test]
fn a_manager_that_lies_makes_no_dump_without_end() {
    let lies: [fn(&mut Left); 6] = [
        |left| left.pages = vec![0x80_0000, 0x40_0000],
        |left| left.pages = vec![0x40_0000; 9],
        |left| left.pages.clear(),
        |left| left.pages = vec![u64::MAX - 4095, u64::MAX],
        |left| left.reply.missing = u32::MAX,
        |left| left.pages = (0..5000).map(|page| page * 8192).collect(),
    ];
    for lie in lies {
        let mut fake = Fake::new();
        lie(&mut fake.left);
        let mut session = Session::new();
        session.typed(&mut fake, b"dump web\r");
        let shown = finish(&mut session, &mut fake);
        assert!(shown.ends_with("bulkhead> "), "{shown}");
    }
}
