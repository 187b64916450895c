//! Random sequences of operations on memory, against a model that is nothing but lists.

use crate::build::{FIRST, Made, TEXT};
use crate::machine::TestMachine;
use abi::call::Error;
use abi::control::{ChannelOperation, FrameUse, MemoryOperation, PartitionOperation};
use abi::rights::Kind;
use proptest::prelude::*;

const PARTITIONS: usize = 3;
const PAGES: usize = 6;
const FRAMES: usize = 12;
const CHANNELS: usize = 2;
const START: u64 = 600;
const CHANNEL_SLOT: u64 = 220;
const OBJECT_SLOT: u64 = 230;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    Nobody,
    Partition(usize),
    Channel(usize),
    Object,
}

#[derive(Clone, Copy, Debug)]
enum Operation {
    Assign { frame: usize, count: usize, to: usize },
    Transfer { frame: usize, count: usize, from: usize, to: usize },
    Release { frame: usize, count: usize },
    Map { who: usize, page: usize, frame: usize, count: usize, write: bool },
    Unmap { who: usize, page: usize, count: usize },
    Join { channel: usize, client: usize, server: usize, frame: usize, count: usize },
    Part { channel: usize },
    Make { frame: usize },
    Unmake,
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let (frame, page, count) = (0..FRAMES, 0..PAGES, 1..4_usize);
    let who = || 0..PARTITIONS;
    prop_oneof![
        4 => (frame.clone(), count.clone(), who()).prop_map(|(frame, count, to)| Assign { frame, count, to }),
        2 => (frame.clone(), count.clone(), who(), who())
            .prop_map(|(frame, count, from, to)| Transfer { frame, count, from, to }),
        3 => (frame.clone(), count.clone()).prop_map(|(frame, count)| Release { frame, count }),
        5 => (who(), page.clone(), frame.clone(), count.clone(), any::<bool>())
            .prop_map(|(who, page, frame, count, write)| Map { who, page, frame, count, write }),
        3 => (who(), page, count.clone()).prop_map(|(who, page, count)| Unmap { who, page, count }),
        4 => (0..CHANNELS, who(), who(), frame.clone(), count)
            .prop_map(|(channel, client, server, frame, count)| Join { channel, client, server, frame, count }),
        2 => (0..CHANNELS).prop_map(|channel| Part { channel }),
        2 => frame.prop_map(|frame| Make { frame }),
        1 => Just(Unmake),
    ]
}

#[derive(Default, Clone, Copy)]
struct Channel {
    ends: Option<(usize, usize)>,
    first: usize,
    count: usize,
}

struct Model {
    owners: [Owner; FRAMES],
    pages: [[Option<usize>; PAGES + 4]; PARTITIONS],
    channels: [Channel; CHANNELS],
    object: Option<usize>,
}

impl Model {
    fn mappings(&self, frame: usize) -> usize {
        self.pages.iter().flatten().filter(|page| **page == Some(frame)).count()
    }

    /// Owners of a range; what lies beyond the frames of the model is nobody's.
    fn all(&self, frame: usize, count: usize, test: impl Fn(Owner) -> bool) -> bool {
        (frame..frame + count).all(|frame| test(*self.owners.get(frame).unwrap_or(&Owner::Nobody)))
    }

    fn unmapped(&self, frame: usize, count: usize) -> bool {
        (frame..frame + count).all(|frame| self.mappings(frame) == 0)
    }

    fn give(&mut self, frame: usize, count: usize, owner: Owner) {
        self.owners[frame..frame + count].fill(owner);
    }

    /// Does the operation if the rules allow it; whether they do.
    fn perform(&mut self, operation: Operation) -> bool {
        use Operation::*;
        match operation {
            Assign { frame, count, to } => self.change(
                self.all(frame, count, |owner| owner == Owner::Nobody),
                frame,
                count,
                Owner::Partition(to),
            ),
            Transfer { frame, count, from, to } => {
                let allowed = self.all(frame, count, |owner| owner == Owner::Partition(from))
                    && self.unmapped(frame, count);
                self.change(allowed, frame, count, Owner::Partition(to))
            }
            Release { frame, count } => {
                let memory = |owner| matches!(owner, Owner::Partition(_) | Owner::Nobody);
                let allowed = self.all(frame, count, memory) && self.unmapped(frame, count);
                self.change(allowed, frame, count, Owner::Nobody)
            }
            Map { who, page, frame, count, .. } => self.map(who, page, frame, count),
            Unmap { who, page, count } => {
                self.pages[who][page..page + count].fill(None);
                true
            }
            Join { channel, client, server, frame, count } => {
                self.join(channel, client, server, frame, count)
            }
            Part { channel } => self.part(channel),
            Make { frame } => {
                let allowed = self.object.is_none() && self.owners[frame] == Owner::Nobody;
                if allowed {
                    self.object = Some(frame);
                }
                self.change(allowed, frame, 1, Owner::Object)
            }
            Unmake => match self.object.take() {
                Some(frame) => self.change(true, frame, 1, Owner::Nobody),
                None => false,
            },
        }
    }

    fn change(&mut self, allowed: bool, frame: usize, count: usize, owner: Owner) -> bool {
        if allowed {
            self.give(frame, count, owner);
        }
        allowed
    }

    fn map(&mut self, who: usize, page: usize, frame: usize, count: usize) -> bool {
        let mine = self.all(frame, count, |owner| match owner {
            Owner::Partition(owner) => owner == who,
            Owner::Channel(channel) => self.channels[channel]
                .ends
                .is_some_and(|(client, server)| client == who || server == who),
            _ => false,
        });
        let allowed = mine && self.pages[who][page..page + count].iter().all(Option::is_none);
        if allowed {
            (0..count).for_each(|number| self.pages[who][page + number] = Some(frame + number));
        }
        allowed
    }

    fn join(
        &mut self,
        channel: usize,
        client: usize,
        server: usize,
        frame: usize,
        count: usize,
    ) -> bool {
        let Channel { ends, first, count: had } = self.channels[channel];
        let follows = ends.is_none() || (ends == Some((client, server)) && first + had == frame);
        let mine = self.all(frame, count, |owner| owner == Owner::Partition(client))
            && self.unmapped(frame, count);
        let allowed = client != server && follows && mine;
        if allowed {
            let first = if ends.is_none() { frame } else { first };
            self.channels[channel] =
                Channel { ends: Some((client, server)), first, count: had + count };
        }
        self.change(allowed, frame, count, Owner::Channel(channel))
    }

    fn part(&mut self, channel: usize) -> bool {
        let Channel { ends, first, count } = self.channels[channel];
        let allowed = self.unmapped(first, count);
        if let (true, Some((client, _))) = (allowed, ends) {
            self.give(first, count, Owner::Partition(client));
            self.channels[channel] = Channel::default();
        }
        allowed
    }
}

/// The same operation of the kernel.
fn ask(
    machine: &TestMachine,
    made: &[Made; PARTITIONS],
    operation: Operation,
) -> crate::machine::Answer {
    use Operation::*;
    let slot = |who: usize| made[who].partition;
    let frame_number = |frame: usize| START + frame as u64;
    let address = |page: usize| TEXT + page as u64 * 4096;
    match operation {
        Assign { frame, count, to } => machine
            .memory(MemoryOperation::Assign, [frame_number(frame), count as u64, slot(to), 0]),
        Transfer { frame, count, from, to } => machine.memory(
            MemoryOperation::Transfer,
            [frame_number(frame), count as u64, slot(from), slot(to)],
        ),
        Release { frame, count } => {
            machine.memory(MemoryOperation::Release, [frame_number(frame), count as u64, 0, 0])
        }
        Map { who, page, frame, count, write } => {
            let arguments = [address(page), frame_number(frame), count as u64, u64::from(write)];
            machine.partition(slot(who), PartitionOperation::Map, arguments)
        }
        Unmap { who, page, count } => machine.partition(
            slot(who),
            PartitionOperation::Unmap,
            [address(page), count as u64, 0, 0],
        ),
        Join { channel, client, server, frame, count } => {
            let arguments = [slot(client), slot(server), frame_number(frame), count as u64];
            machine.control(CHANNEL_SLOT + channel as u64, ChannelOperation::Join as u64, arguments)
        }
        Part { channel } => {
            machine.control(CHANNEL_SLOT + channel as u64, ChannelOperation::Part as u64, [0; 4])
        }
        Make { frame } => machine.memory(
            MemoryOperation::Create,
            [Kind::Partition as u64, frame_number(frame), OBJECT_SLOT, 0],
        ),
        Unmake => {
            let answer = machine.partition(OBJECT_SLOT, PartitionOperation::Destroy, [0; 4])?;
            machine.partition(FIRST, PartitionOperation::Clear, [OBJECT_SLOT, 0, 0, 0])?;
            Ok(answer)
        }
    }
}

/// What the ledger has to say of a frame.
fn expected(model: &Model, made: &[Made; PARTITIONS], frame: usize) -> [u64; 3] {
    let (used, owner) = match model.owners[frame] {
        Owner::Nobody => (FrameUse::Free, 0),
        Owner::Partition(who) => (FrameUse::User, made[who].partition_frame),
        Owner::Channel(channel) => (FrameUse::Channel, 560 + channel as u64),
        Owner::Object => (FrameUse::PartitionObject, 0),
    };
    [used as u64, owner, model.mappings(frame) as u64]
}

fn prepare() -> (TestMachine, [Made; PARTITIONS]) {
    let machine = TestMachine::booted(1);
    let made = [0, 1, 2].map(|number| machine.make(number, 0));
    for (number, made) in (0..).zip(made) {
        for level in 1..4 {
            let frame = 540 + 3 * number + level;
            machine
                .partition(
                    made.partition,
                    PartitionOperation::AddTable,
                    [TEXT, 4 - level, frame, 0],
                )
                .unwrap();
        }
    }
    for channel in 0..CHANNELS as u64 {
        machine
            .memory(
                MemoryOperation::Create,
                [Kind::Channel as u64, 560 + channel, CHANNEL_SLOT + channel, 0],
            )
            .unwrap();
    }
    // A frame on which no range may run out of the model.
    machine
        .memory(MemoryOperation::Create, [Kind::Channel as u64, START + FRAMES as u64, 240, 0])
        .unwrap();
    (machine, made)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_as_the_lists_say(operations in proptest::collection::vec(operation(), 1..60)) {
        let (machine, made) = prepare();
        let mut model = Model {
            owners: [Owner::Nobody; FRAMES],
            pages: Default::default(),
            channels: Default::default(),
            object: None,
        };
        for operation in operations {
            // Ranges that would leave the model's frames are the kernel's to refuse.
            let last = match operation {
                Operation::Assign { frame, count, .. } | Operation::Transfer { frame, count, .. }
                | Operation::Release { frame, count } | Operation::Map { frame, count, .. }
                | Operation::Join { frame, count, .. } => frame + count,
                _ => 0,
            };
            let allowed = last <= FRAMES && model.perform(operation);
            let answer = ask(&machine, &made, operation);
            prop_assert_eq!(answer.is_ok(), allowed, "{:?} answered {:?}", operation, answer);
            prop_assert!(!matches!(answer, Err((Error::Again | Error::Stale | Error::NoSuchCall, _))));
            for frame in 0..FRAMES {
                let found = machine.memory(MemoryOperation::Query, [START + frame as u64, 0, 0, 0]).unwrap();
                prop_assert_eq!(&found[..3], &expected(&model, &made, frame)[..], "frame {} after {:?}", frame, operation);
            }
            prop_assert_eq!(machine.audit(), None, "after {:?}", operation);
        }
    }

    #[test]
    fn no_call_with_any_arguments_breaks_an_invariant(
        calls in proptest::collection::vec((0..12_u64, 0..8_u64, proptest::array::uniform4(any_argument())), 1..80)
    ) {
        let machine = TestMachine::booted(2);
        let made = machine.make(0, 1);
        machine.give_doorbell(FIRST, 8, made.context, 5);
        machine.memory(MemoryOperation::Create, [Kind::Channel as u64, 599, 9, 0]).unwrap();
        for (slot, operation, [a, b, c, d]) in calls {
            // Everything but what takes the caller itself off its feet.
            let slot = [FIRST, 3, 5, 6, 7, 8, 9, 16, 17, made.partition, made.context, 0][slot as usize];
            let own = slot == FIRST && matches!(operation, 0 | 1 | 3 | 5 | 7 | 11);
            let plan = slot == 16 && matches!(operation, 0 | 1 | 5);
            if !own && !plan {
                let _ = machine.control(slot, operation, [a, b, c, d]);
                machine.settle();
            }
            prop_assume!(machine.running(0).is_some());
        }
        // The kernel's capability may have been cleared or replaced by what was put.
        if machine.call(0, abi::call::Call::Inspect, [5, 0, 0, 0, 0, 0]).map(|values| values[0]) == Ok(10) {
            prop_assert_eq!(machine.audit(), None);
        }
    }
}

/// Numbers that mean something to some operation, and some that do not.
fn any_argument() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..20_u64,
        60..80_u64,
        95..106_u64,
        590..610_u64,
        (0..3_u64).prop_map(|page| TEXT + page * 4096),
        (0..12_u64, 0..40_u64).prop_map(|(kind, parameter)| kind << 32 | parameter),
        any::<u64>(),
    ]
}
