//! A kernel of vectors: frames with owners and mappings, address spaces as maps.

use crate::{Kernel, Refusal, Values, Window};
use abi::call::Error;
use abi::control::{Access, FrameUse, MemoryOperation as M, PartitionOperation as P};
use abi::types::{PAGE_SIZE, Slot, VirtualAddress};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec::Vec;

pub const MEMORY: Slot = Slot::new(3);
pub const LOADER: Slot = Slot::new(1);
pub const TARGET: Slot = Slot::new(100);
const WINDOW: u64 = abi::layout::WINDOW;

type Contents = Rc<RefCell<Vec<Vec<u8>>>>;
type Space = BTreeMap<u64, (u64, Access)>;

pub struct FakeKernel {
    owners: Vec<Option<(FrameUse, Slot)>>,
    contents: Contents,
    spaces: Rc<RefCell<BTreeMap<u16, Space>>>,
    tables: BTreeMap<(u16, u64, u64), u64>,
    /// Calls until every further one fails, as if the caller had died.
    pub dies_after: Option<u32>,
    /// Most pages that one operation does.
    pub most_at_once: u64,
    /// How often `Again` is answered with one page done.
    pub agains: u32,
}

fn refuse(error: Error, value: u64) -> Result<Values, Refusal> {
    Err(Refusal { error, value })
}

impl FakeKernel {
    pub fn new(frames: usize) -> Self {
        Self {
            owners: vec![None; frames],
            contents: Rc::new(RefCell::new(vec![vec![0xaa; PAGE_SIZE as usize]; frames])),
            spaces: Rc::default(),
            tables: BTreeMap::new(),
            dies_after: None,
            most_at_once: 32,
            agains: 0,
        }
    }

    pub fn add_own_window(&mut self) {
        self.tables.insert((LOADER.raw(), 1, WINDOW >> 21), 0);
    }

    pub fn owner(&self, frame: u64) -> Option<(FrameUse, Slot)> {
        self.owners[frame as usize]
    }

    pub fn used(&self) -> usize {
        self.owners.iter().flatten().count()
    }

    pub fn contents(&self, frame: u64) -> Vec<u8> {
        self.contents.borrow()[frame as usize].clone()
    }

    pub fn scribble(&mut self, frame: u64) {
        self.contents.borrow_mut()[frame as usize].fill(0x55);
    }

    pub fn mapping(&self, partition: Slot, address: u64) -> Option<(u64, Access)> {
        self.spaces.borrow().get(&partition.raw())?.get(&address).copied()
    }

    pub fn mapped(&self, partition: Slot) -> usize {
        self.spaces.borrow().get(&partition.raw()).map_or(0, Space::len)
    }

    fn mappings(&self, frame: u64) -> usize {
        let spaces = self.spaces.borrow();
        spaces.values().flat_map(Space::values).filter(|(at, _)| *at == frame).count()
    }

    fn step(&mut self, count: u64) -> u64 {
        count.min(self.most_at_once).min(abi::control::PAGES_PER_STEP)
    }

    fn memory(&mut self, operation: M, [a, b, c, d]: [u64; 4]) -> Result<Values, Refusal> {
        if operation == M::Query {
            let (kind, owner) = self.owner(a).unwrap_or((FrameUse::Free, Slot::new(0)));
            return Ok([kind as u64, owner.raw().into(), 0, 0]);
        }
        let done = self.step(b);
        for frame in a..a + done {
            let fits = match (operation, self.owner(frame)) {
                (M::Assign, None) => true,
                (M::Transfer, Some((FrameUse::User, owner))) => u64::from(owner.raw()) == c,
                (M::Release, None | Some((FrameUse::User, _))) => true,
                _ => false,
            };
            if !fits {
                return refuse(Error::WrongFrame, frame);
            }
            if self.mappings(frame) > 0 {
                return refuse(Error::InUse, frame);
            }
        }
        for frame in a..a + done {
            let to = Slot::new(if operation == M::Assign { c } else { d } as u16);
            self.owners[frame as usize] = (operation != M::Release).then_some((FrameUse::User, to));
            if operation == M::Assign {
                self.contents.borrow_mut()[frame as usize].fill(0);
            }
        }
        Ok([done, 0, 0, 0])
    }

    fn partition(
        &mut self,
        id: u16,
        operation: P,
        [a, b, c, d]: [u64; 4],
    ) -> Result<Values, Refusal> {
        match operation {
            P::AddTable => {
                if self.tables.contains_key(&(id, b, region(a, b))) {
                    return refuse(Error::Occupied, 0);
                }
                let missing =
                    |level: &u64| !self.tables.contains_key(&(id, *level, region(a, *level)));
                let levels: Vec<u64> = (b..=4).rev().filter(missing).collect();
                for (level, frame) in levels.iter().zip(c..) {
                    self.tables.insert((id, *level, region(a, *level)), frame);
                    self.owners[frame as usize] = Some((FrameUse::PageTable, Slot::new(id)));
                }
                Ok([levels.len() as u64, 0, 0, 0])
            }
            P::Map => self.map(id, a, b, c, Access::from_bits(d).unwrap()),
            P::Unmap => {
                let done = self.step(b);
                for page in 0..done {
                    let mut spaces = self.spaces.borrow_mut();
                    spaces.entry(id).or_default().remove(&(a + page * PAGE_SIZE));
                }
                Ok([done, 0, 0, 0])
            }
            other => panic!("the loader does not ask for {other:?}"),
        }
    }

    fn map(
        &mut self,
        id: u16,
        at: u64,
        frame: u64,
        count: u64,
        access: Access,
    ) -> Result<Values, Refusal> {
        let done = self.step(count);
        let pages = (0..done).map(|page| (at + page * PAGE_SIZE, frame + page));
        for (address, frame) in pages.clone() {
            if !self.tables.contains_key(&(id, 1, region(address, 1))) {
                return refuse(Error::NotMapped, 1);
            }
            if self.mapping(Slot::new(id), address).is_some() {
                return refuse(Error::Occupied, frame);
            }
            if self.owner(frame) != Some((FrameUse::User, Slot::new(id))) {
                return refuse(Error::WrongFrame, frame);
            }
        }
        for (address, frame) in pages {
            self.spaces.borrow_mut().entry(id).or_default().insert(address, (frame, access));
        }
        Ok([done, 0, 0, 0])
    }
}

/// Which table of a level maps an address.
fn region(address: u64, level: u64) -> u64 {
    if level == 1 { address >> 21 } else { 0 }
}

impl Kernel for FakeKernel {
    fn control(
        &mut self,
        slot: Slot,
        operation: u64,
        mut arguments: [u64; 4],
    ) -> Result<Values, Refusal> {
        match &mut self.dies_after {
            Some(0) => return refuse(Error::Limit, 0),
            Some(left) => *left -= 1,
            None => {}
        }
        if slot != MEMORY {
            return self.partition(slot.raw(), P::from_number(operation).unwrap(), arguments);
        }
        if self.agains == 0 {
            return self.memory(M::from_number(operation).unwrap(), arguments);
        }
        self.agains -= 1;
        arguments[1] = 1;
        let [done, ..] = self.memory(M::from_number(operation).unwrap(), arguments)?;
        refuse(Error::Again, done)
    }
}

/// Writes to what the loader has mapped at its window; a write elsewhere is a fault.
pub struct FakeWindow {
    contents: Contents,
    spaces: Rc<RefCell<BTreeMap<u16, Space>>>,
}

impl FakeWindow {
    pub fn of(kernel: &FakeKernel) -> Self {
        Self { contents: kernel.contents.clone(), spaces: kernel.spaces.clone() }
    }
}

impl Window for FakeWindow {
    fn address(&self) -> VirtualAddress {
        VirtualAddress::new(WINDOW)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (page, start) = (WINDOW + (offset & !(PAGE_SIZE - 1)), (offset % PAGE_SIZE) as usize);
        let spaces = self.spaces.borrow();
        let (frame, access) = spaces[&LOADER.raw()][&page];
        assert!(access.contains(Access::WRITE), "the window is mapped writable");
        self.contents.borrow_mut()[frame as usize][start..start + bytes.len()]
            .copy_from_slice(bytes);
    }

    fn load(&self, _offset: u64) -> u64 {
        unreachable!("the loader reads nothing")
    }

    fn store(&mut self, _offset: u64, _word: u64) {
        unreachable!("the loader writes bytes")
    }
}
