//! Clients that mean harm: any bytes as requests, bytes that change while they are read, manifests that lie, and deaths in between.

use super::liar::{Liar, Memory};
use super::world::{TestManager, World, image, index};
use super::{id, snapshots};
use crate::manager::Machine;
use crate::requests::{Asker, Reply};
use crate::serve::Desk;
use abi::channel::{ChannelKind, INLINE};
use abi::message::resource::{Index, MachineRecord, ResourceRequest, ResourceStatus};
use abi::types::PAGE_SIZE;
use boot_image::damage::{Chance, damage_manifest};
use ring::{ClientEnd, Geometry, Head, Message, Taken, Words};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use zerocopy::FromBytes;

/// So many cases, and so many where the long form is asked for.
fn count(short: u64, long: u64) -> u64 {
    if std::env::var_os("BULKHEAD_CAMPAIGN").is_some() { long } else { short }
}

/// Everybody who can ask, rightly or not.
const ASKERS: [(u32, ChannelKind); 9] = [
    (index::COMMAND, ChannelKind::Command),
    (index::COMMAND, ChannelKind::Command),
    (index::COMMAND, ChannelKind::Command),
    (index::BOOT, ChannelKind::Boot),
    (index::WORKER, ChannelKind::Control),
    (index::COMMAND, ChannelKind::Control),
    (index::IDLE, ChannelKind::Console),
    (0, ChannelKind::Control),
    (99, ChannelKind::Boot),
];

/// Requests that say what something is before they say what it shall be.
const CHANGES: [u16; 3] = [
    ResourceRequest::SetShare.code(),
    ResourceRequest::SetMemory.code(),
    ResourceRequest::Move.code(),
];

/// A code and a body, more often than not those of a request.
pub(super) fn request(chance: &mut Chance) -> (u16, Vec<u8>) {
    let known = chance.of(ResourceRequest::ALL).map_or(0, |request| request.code());
    let code = if chance.one_in(20) { chance.any() as u16 } else { known };
    let number = if chance.one_in(10) { chance.near(4, 32) } else { chance.below(9) as u64 };
    let mut body = (number as u32).to_le_bytes().to_vec();
    if let Some(bulk) = snapshots::body(code, chance) {
        body = bulk;
    } else if CHANGES.contains(&code) {
        // What is so, as often as not, and something near it.
        let after = if chance.one_in(8) { chance.below(40) } else { chance.below(3) } as u32;
        let before = chance.below(3) as u32;
        body.extend(before.to_le_bytes());
        body.extend(after.to_le_bytes());
    } else if chance.one_in(4) {
        body.extend((chance.below(40) as u32).to_le_bytes());
    }
    if chance.one_in(8) {
        body.resize(chance.below(INLINE + 1), 0xa5);
    }
    if chance.one_in(8) && !body.is_empty() {
        let place = chance.below(body.len());
        chance.change(&mut body, place, 1);
    }
    (code, body)
}

/// What the books say of each partition, as far as requests change it.
type Rows = BTreeMap<u32, [u32; 10]>;

fn rows(manager: &TestManager) -> Rows {
    let row = |row: &resource_db::PartitionRow| {
        let [share, processor] = [row.share, row.processor].map(u32::from);
        let life = [row.state, row.starts, row.stage, row.definition, row.budget, row.restarts];
        let [state, starts, stage, definition, budget, restarts] = life;
        let heap = [row.heap_pages, row.heap_mapped];
        let [wanted, mapped] = heap;
        [state, starts, stage, definition, budget, restarts, share, processor, wanted, mapped]
    };
    manager.books.partitions().map(|(id, it)| (id.raw(), row(it))).collect()
}

/// Requests that change something, and whether this asker may make them at all.
fn may_change((who, kind): (u32, ChannelKind), code: u16) -> bool {
    use ResourceRequest as R;
    let creator = who == index::COMMAND;
    match (kind, ResourceRequest::from_code(code)) {
        (ChannelKind::Command, Some(R::Start | R::Stop | R::Kill | R::Restart | R::Destroy)) => {
            true
        }
        (
            ChannelKind::Command,
            Some(R::Pause | R::Resume | R::SetShare | R::SetMemory | R::Move),
        ) => true,
        (
            ChannelKind::Control,
            Some(R::Pause | R::Resume | R::SetShare | R::SetMemory | R::Move),
        ) => creator,
        (ChannelKind::Command, Some(R::Create | R::CreatePlaced)) => creator,
        (ChannelKind::Control, Some(R::Start | R::Create | R::CreatePlaced | R::Destroy)) => {
            creator
        }
        (ChannelKind::Boot, Some(R::Start)) => who == index::BOOT,
        // The command partition rescues the boot partition, which rescues the others.
        (ChannelKind::Boot | ChannelKind::Control, Some(R::Restart | R::Rescue))
        | (ChannelKind::Command, Some(R::Rescue)) => [index::BOOT, index::COMMAND].contains(&who),
        _ => false,
    }
}

/// An accepted request changed the partition it names, or made one; a refused one changed nothing.
fn check_explained(
    before: &Rows,
    after: &Rows,
    asker: (u32, ChannelKind),
    code: u16,
    body: &[u8],
    reply: &Reply,
) {
    if before == after {
        return;
    }
    let (status, answer) = reply.parts();
    let makes = [ResourceRequest::Create.code(), ResourceRequest::CreatePlaced.code()];
    let create = makes.contains(&code);
    assert!(may_change(asker, code), "{asker:?} {code} {body:?}");
    assert_eq!(status, ResourceStatus::Ok, "{asker:?} {code} {body:?}");
    let (named, _) = Index::read_from_prefix(if create { answer } else { body }).expect("a number");
    let named = named.index;
    let others = |rows: &Rows| {
        rows.iter().filter(|(id, _)| **id != named).map(|(id, row)| (*id, *row)).collect::<Rows>()
    };
    assert_eq!(others(before), others(after), "{asker:?} {code} {body:?}");
    assert_eq!(create, !before.contains_key(&named));
}

/// Lets a moment pass and the manager do what is due.
fn rest(manager: &mut TestManager) {
    let next = manager.machine.now() + 1_000_000;
    manager.machine.sleep_until(next);
    manager.watch();
}

/// What became of the requests.
#[derive(Default, Debug)]
struct Tally {
    answered: BTreeMap<u16, u64>,
    /// Shares, heaps and places that became others.
    changed: u64,
    deaths: u64,
}

/// One request; the manager may die in the middle of it, and the next one takes over.
fn ask_once(
    world: &mut World,
    mut manager: TestManager,
    chance: &mut Chance,
    tally: &mut Tally,
) -> TestManager {
    let asker = *chance.of(&ASKERS).unwrap();
    let (code, body) = request(chance);
    // The end of the machine is no part of this.
    if code == ResourceRequest::Shutdown as u16 && asker.1 == ChannelKind::Command {
        return manager;
    }
    let who = Asker { partition: id(asker.0), kind: asker.1 };
    let before = rows(&manager);
    world.shared.dies_after.set(chance.one_in(5).then(|| chance.below(40) as u32));
    let room = chance.below(4096);
    let answered = catch_unwind(AssertUnwindSafe(|| match manager.answer(who, code, &body) {
        Reply::Bulk(bulk) => snapshots::bulk(&mut manager, bulk, room).0,
        reply => reply,
    }));
    match answered {
        Err(payload) => {
            let death = payload.downcast_ref() == Some(&"the manager dies");
            assert!(death && world.shared.dies_after.get() == Some(0), "{asker:?} {code} {body:?}");
            manager = world.recovered();
            tally.deaths += 1;
        }
        Ok(reply) => {
            world.shared.dies_after.set(None);
            *tally.answered.entry(reply.parts().0 as u16).or_default() += 1;
            let after = rows(&manager);
            tally.changed += u64::from(CHANGES.contains(&code) && after != before);
            check_explained(&before, &after, asker, code, &body, &reply);
        }
    }
    if manager.is_leaving() { world.recovered() } else { manager }
}

// covers: RES-9
#[test]
fn whatever_is_asked_only_what_was_accepted_changes_anything() {
    let mut tally = Tally::default();
    for seed in 0..count(1, 40) {
        let mut chance = Chance::new(seed);
        let (mut world, mut manager) = World::new();
        for step in 0..count(3000, 25_000) {
            manager = ask_once(&mut world, manager, &mut chance, &mut tally);
            if step % 50 == 0 {
                rest(&mut manager);
                world.check(&manager);
            }
        }
        world.check(&manager);
    }
    println!("{tally:?}");
    let ok = tally.answered[&(ResourceStatus::Ok as u16)];
    assert!(tally.changed > 4, "{tally:?}");
    assert!(tally.deaths > 5 && ok > 100 && tally.answered.len() >= 5, "{tally:?}");
}

/// An honest client, and what it waits for.
struct Honest {
    end: ClientEnd<Words<'static>>,
    open: Vec<u64>,
    answered: u64,
    lost: u64,
}

impl Honest {
    fn new(words: Words<'static>) -> Self {
        Self { end: ClientEnd::new(words), open: Vec::new(), answered: 0, lost: 0 }
    }

    /// Asks for as much as there is room for.
    fn ask(&mut self, epoch: u32) {
        let _ = self.end.set_epoch(epoch);
        let head = Head::new(ResourceRequest::Machine as u16);
        while let Ok(id) = self.end.send(head, &[]) {
            self.open.push(id);
        }
    }

    /// Takes every answer: each belongs to a question that was open, and is right.
    fn take(&mut self) {
        let mut message = Message::empty();
        while let Some(taken) = self.end.take(&mut message) {
            let place = self.open.iter().position(|&id| id == message.id);
            self.open.swap_remove(place.expect("an answer to no question"));
            if taken == Taken::Lost {
                self.lost += 1;
                continue;
            }
            self.answered += 1;
            assert_eq!(message.head.code, ResourceStatus::Ok as u16);
            let record = MachineRecord::read_from_bytes(message.bytes()).expect("a record");
            assert_eq!(record.processors, 2);
        }
    }
}

/// One client lies, the other is served all the same. Channel 0 is boot's, channel 1 command's.
fn beside_a_liar(seed: u64, lying: usize) -> [u64; 3] {
    let (world, mut manager) = World::new();
    let words: &'static [AtomicU32] = Box::leak((0..4096).map(|_| AtomicU32::new(0)).collect());
    let liar = Liar { chance: Chance::new(seed), epoch: 1, taken: 0, all: 0 };
    let liar = Rc::new(RefCell::new(liar));
    let mut places = 0;
    let mut desk = Desk::new(&mut manager, |_, geometry| {
        places += 1;
        if places - 1 == lying {
            Memory::Lies(liar.clone(), geometry)
        } else {
            Memory::Honest(Words::new(words, geometry))
        }
    });
    let geometry = Geometry::new(2, 4 * PAGE_SIZE as usize).unwrap();
    let mut honest = Honest::new(Words::new(words, geometry));
    let epoch = |manager: &TestManager, channel: usize| {
        manager.books.channels().nth(channel).map_or(0, |(_, row)| row.epoch)
    };
    for step in 0..count(300, 20_000) {
        liar.borrow_mut().epoch = epoch(&manager, lying);
        honest.ask(epoch(&manager, 1 - lying));
        desk.disarm();
        desk.serve(&mut manager);
        // A liar may have it leave; the next manager goes on.
        manager.leave_at = 0;
        honest.take();
        assert!(honest.open.len() <= 4, "{} questions are open", honest.open.len());
        desk.arm();
        // A client that was accused is silent until its next life.
        if step % 6 == 0 {
            let client = [index::BOOT, index::COMMAND][lying];
            let _ = manager.restart(id(client), abi::information::StartReason::Restarted);
            liar.borrow_mut().taken = 0;
            rest(&mut manager);
        }
        if step % 50 == 0 {
            world.check(&manager);
        }
    }
    world.check(&manager);
    let lies = liar.borrow().all;
    [honest.answered, honest.lost, lies]
}

// covers: CHN-6
#[test]
fn a_client_whose_bytes_change_while_they_are_read_harms_nobody_else() {
    for seed in 0..count(1, 8) {
        for lying in 0..2 {
            let [answered, lost, lies] = beside_a_liar(seed, lying);
            println!("channel {lying} lies {lies} times: {answered} answered, {lost} lost");
            assert!(answered > 4 * lost + 500 && lies > 200, "{answered}, {lost}, {lies}");
        }
    }
}

// covers: BOOT-2
#[test]
fn a_manifest_that_lies_is_refused_by_name_or_makes_a_sound_machine() {
    let good = image();
    let (mut made, mut refused) = (0, 0);
    for seed in 0..count(60, 3_000) {
        let mut chance = Chance::new(seed);
        let (world, mut manager) = match World::of(damage_manifest(&good, &mut chance)) {
            Ok(world) => world,
            Err(bad) => {
                assert!(bad.to_string().contains("manifest"), "{bad}");
                refused += 1;
                continue;
            }
        };
        if let Err(trouble) = manager.create_all() {
            assert!(!trouble.to_string().is_empty());
        }
        for _ in 0..20 {
            let (code, body) = request(&mut chance);
            let who = Asker { partition: id(index::COMMAND), kind: ChannelKind::Command };
            if code != ResourceRequest::Shutdown as u16 {
                manager.answer(who, code, &body);
            }
        }
        assert_eq!(world.shared.machine.audit(), None, "seed {seed}");
        made += 1;
    }
    println!("{refused} refused, {made} made");
    assert!(refused > made / 10 && made > 20, "{refused} refused, {made} made");
}
