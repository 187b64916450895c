//! Reading the trace does not change what is read.

use super::world::World;
use super::{COMMAND, id, status};
use crate::picture::{Picture, ROOM};
use crate::requests::Asker;
use abi::message::resource::{ResourceRequest, ResourceStatus, TraceQuery, TraceRecord};
use abi::trace::TraceKind;
use zerocopy::{FromBytes, IntoBytes};

/// Every record of a processor, the newest first, while the machine runs on between the questions.
fn read(world: &World, manager: &mut super::TestManager, processor: u32) -> Vec<TraceRecord> {
    let asker = Asker { partition: id(COMMAND.0), kind: COMMAND.1 };
    let mut records = Vec::new();
    loop {
        let query = TraceQuery { processor, back: records.len() as u32 };
        let reply = manager.answer(asker, ResourceRequest::Trace as u16, query.as_bytes());
        if status(&reply) != ResourceStatus::Ok {
            return records;
        }
        records.push(TraceRecord::read_from_bytes(reply.parts().1).unwrap());
        let machine = &world.shared.machine;
        machine.run_until(machine.time() + 1_000_000);
        manager.wait_for_own_turn();
    }
}

#[test]
fn the_trace_is_read_as_it_was_at_the_first_question() {
    let (world, mut manager) = World::new();
    let started = world.shared.machine.time() + 40_000_000;
    world.shared.machine.run_until(started);
    manager.wait_for_own_turn();
    // Records tell ticks, of which this machine is one ahead of its time.
    let started = world.shared.machine.time() + 1;
    let records = read(&world, &mut manager, 0);
    let switches = records.iter().filter(|record| record.kind == TraceKind::Switch as u32).count();
    assert!(switches > 2, "{switches}");
    assert!(records.iter().all(|record| record.time <= started));
    assert!(records.is_sorted_by_key(|record| std::cmp::Reverse(record.time)));
    let other = read(&world, &mut manager, 1);
    assert!(!other.is_empty() && other.iter().all(|record| record.time <= started));
    // The next reading sees what came meanwhile.
    assert!(read(&world, &mut manager, 0)[0].time > started);
    assert!(read(&world, &mut manager, 2).is_empty());
}

#[test]
fn each_processor_has_its_part_of_the_room() {
    let mut room = vec![None; ROOM];
    for (processors, each) in [(1, 512), (8, 512), (9, 455), (64, 64)] {
        let mut picture = Picture::new(&mut room, processors);
        assert_eq!(picture.each(), each);
        for processor in 0..processors {
            for back in 0..each {
                picture.set(processor, back, Some([processor.into(), back, 0]));
            }
            picture.set(processor, each, Some([9; 3]));
        }
        picture.set(processors, 0, Some([9; 3]));
        let right = |processor: u16| {
            (0..each).all(|n| picture.get(processor, n) == Some([processor.into(), n, 0]))
        };
        assert!((0..processors).all(right), "{processors}");
        assert_eq!((picture.get(0, each), picture.get(processors, 0)), (None, None));
    }
}
