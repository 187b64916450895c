//! Streaming: bulk data through the channel's data area, several blocks under way at a time.
//!
//! Where the manifest gives a channel "sink" the partition sends; where it gives channels to serve it receives
//! and checks. A block is a piece of the data area; the request says which piece, and the answer gives it back.

#![cfg_attr(target_os = "none", no_std)]

use rt::{CallError, Client, Partition, Server, Signal, Start, System, Timer};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

rt::protocol! {
    /// Takes blocks of data.
    pub Sink;
    /// What can be asked.
    pub enum SinkRequest {
        /// Take the block that [`Block`](crate::Block) describes.
        Take = 1,
    }
    /// How it went.
    pub enum SinkStatus {
        /// Taken; the block may be used again.
        Ok = 0,
        /// The block is not inside the data area, or not what was announced.
        Bad = 1,
    }
}

/// Bytes of a block.
pub const BLOCK: usize = 1024;
/// Blocks sent in one go, then there is a pause.
pub const BLOCKS: u64 = 64;

/// A block in the data area.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Block {
    /// Which block of the stream, from 0.
    pub number: u64,
    /// Where it starts in the data area.
    pub offset: u32,
    /// Its bytes.
    pub length: u32,
}

/// The byte that fills block `number`.
fn filling(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// The partition.
#[derive(Default)]
pub struct Main {
    sink: Client<Sink>,
    /// Blocks sent so far.
    pub sent: u64,
    /// Blocks that came back as taken.
    pub done: u64,
    /// Blocks received and found right.
    pub received: u64,
}

impl Main {
    /// Sends blocks while there is room in the data area and in the ring.
    fn send(&mut self, system: &mut System) {
        let places = self.sink.data_length(system).checked_div(BLOCK).unwrap_or(0);
        // A block's place is free again when the block that had it before came back; they come back in order here.
        while self.sent < self.end() && self.under_way() < places as u64 {
            let offset = (self.sent as usize % places) * BLOCK;
            if self.send_block(system, offset).is_err() {
                return;
            }
            self.sent += 1;
        }
    }

    fn send_block(&self, system: &mut System, offset: usize) -> Result<(), CallError> {
        self.sink.write_data(system, offset, &[filling(self.sent); BLOCK]);
        let block = Block { number: self.sent, offset: offset as u32, length: BLOCK as u32 };
        self.sink.send(system, SinkRequest::Take, rt::bytes(&block)).map(drop)
    }

    /// Where the present round ends.
    fn end(&self) -> u64 {
        (self.done / BLOCKS + 1) * BLOCKS
    }

    fn under_way(&self) -> u64 {
        self.sent - self.done
    }

    fn hear(&mut self, system: &mut System) {
        while let Some(answer) = self.sink.next(system) {
            self.done += 1;
            match answer.status() {
                Ok(SinkStatus::Ok) => {}
                other => rt::log!("stream: block lost: {other:?}"),
            }
            if self.done == self.end() - BLOCKS {
                rt::log!("stream: {} blocks", self.done);
                system.after(rt::time::seconds(5));
                return;
            }
        }
        self.send(system);
    }

    fn take(&mut self, system: &mut System, server: Server<Sink>) {
        while let Some(request) = server.next(system) {
            let sound = request.body().is_some_and(|block| check(system, server, &block));
            self.received += u64::from(sound);
            let status = if sound { SinkStatus::Ok } else { SinkStatus::Bad };
            server.answer(system, &request, status, &[]);
        }
    }
}

/// Copies the block out and looks at the copy.
fn check(system: &mut System, server: Server<Sink>, block: &Block) -> bool {
    let mut copy = [0; BLOCK];
    let Some(bytes) = copy.get_mut(..block.length as usize) else { return false };
    server.read_data(system, block.offset as usize, bytes)
        && bytes.iter().all(|&byte| byte == filling(block.number))
}

impl Partition for Main {
    fn started(system: &mut System, _: &Start) -> Self {
        let sink = system.client("sink").unwrap_or_default();
        system.servers::<Sink>();
        let mut main = Self { sink, ..Self::default() };
        main.send(system);
        main
    }

    fn signal(&mut self, system: &mut System, signal: Signal) {
        if signal.is(self.sink) {
            return self.hear(system);
        }
        for server in system.servers::<Sink>() {
            self.take(system, server);
        }
    }

    fn deadline(&mut self, system: &mut System, _: Timer) {
        self.send(system);
    }
}
