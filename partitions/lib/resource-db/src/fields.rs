//! The values of rows by name, for whoever reads the log.

use crate::hardware::{DeviceRow, ProcessorRow};
use crate::rows::{ChannelRow, PartitionRow};
use core::mem::offset_of;

/// A value: its name, first byte and bytes.
pub(crate) type Field = (&'static str, usize, usize);

/// Fields of a row in their order, those of a part of it as `part.field`, those of an array by their byte in it.
macro_rules! fields {
    ($row:ident: $($($path:ident).+ $(+ $more:literal)? as $name:literal $size:literal,)*) => {
        &[$(($name, offset_of!($row, $($path).+)$(.wrapping_add($more))?, $size),)*]
    };
}

/// Values of a partition's row. Its name is in its descriptor.
pub(crate) const PARTITION: &[Field] = fields! { PartitionRow:
    stage as "stage" 4,
    state as "state" 4,
    definition as "definition" 4,
    hardware as "hardware" 4,
    starts as "starts" 4,
    restarts as "restarts" 4,
    budget as "budget" 4,
    told as "told" 4,
    placed as "placed" 4,
    backoff as "backoff" 4,
    contexts as "contexts" 4,
    image_slot as "image slot" 2,
    unfinished as "unfinished" 2,
    partition_slot as "partition slot" 2,
    context_slot as "context slot" 2,
    information_slot as "information slot" 2,
    slots as "slots" 2,
    started as "started" 8,
    stop_by as "stop by" 8,
    channels_end as "channels end" 8,
    events as "events" 4,
    start_reason as "start reason" 4,
    restart_at as "restart at" 8,
    kernel.start as "kernel frame" 8,
    kernel.count as "kernel frames" 8,
    program.start as "program frame" 8,
    program.count as "program frames" 8,
    stack.start as "stack frame" 8,
    stack.count as "stack frames" 8,
    heap.start as "heap frame" 8,
    heap.count as "heap frames" 8,
    lasting.start as "lasting frame" 8,
    lasting.count as "lasting frames" 8,
    information.start as "information frame" 8,
    information.count as "information frames" 8,
    share as "share" 2,
    processor as "processor" 2,
    heap_pages as "heap wanted" 4,
    moving as "moving" 4,
    heap_mapped as "heap mapped" 4,
    heap_request as "heap request" 4,
    heap_answered as "heap answered" 4,
    heap_tables as "heap tables" 4,
    pieces as "piece 1 frame" 8,
    pieces + 8 as "piece 1 tables" 4,
    pieces + 12 as "piece 1 pages" 4,
    pieces + 16 as "piece 2 frame" 8,
    pieces + 24 as "piece 2 tables" 4,
    pieces + 28 as "piece 2 pages" 4,
    pieces + 32 as "piece 3 frame" 8,
    pieces + 40 as "piece 3 tables" 4,
    pieces + 44 as "piece 3 pages" 4,
    image as "image" 2,
    waiting as "image waiting" 2,
    before as "image before" 2,
    loaded as "image loaded" 2,
    refused as "images refused" 4,
    up as "up" 4,
    spare.start as "spare program frame" 8,
    spare.count as "spare program frames" 8,
    opened as "opened" 4,
    corpse.start as "corpse frame" 8,
    corpse.count as "corpse frames" 8,
    corpse_life as "corpse of life" 4,
    ends as "ends" 4,
    clients as "clients to come" 4,
};

/// Values of a channel's row.
pub(crate) const CHANNEL: &[Field] = fields! { ChannelRow:
    client.address as "client address" 8,
    client.partition as "client" 4,
    client.slot as "client slot" 2,
    client.event as "client event" 2,
    client.place as "client place" 4,
    server.address as "server address" 8,
    server.partition as "server" 4,
    server.slot as "server slot" 2,
    server.event as "server event" 2,
    server.place as "server place" 4,
    stage as "stage" 4,
    epoch as "epoch" 4,
    kind as "kind" 2,
    ring_shift as "ring shift" 2,
    slot as "slot" 2,
    link as "server has it" 2,
    cut_at as "cut at" 8,
    version as "version" 4,
    frames.start as "frame" 8,
    frames.count as "frames" 8,
};

/// Values of a processor's row. Its places are told one by one.
pub(crate) const PROCESSOR: &[Field] = fields! { ProcessorRow:
    stage as "stage" 4,
    state as "state" 4,
    generation as "plan" 4,
    length as "places" 4,
};

/// Values of a device's row. Its owner is told by name.
pub(crate) const DEVICE: &[Field] = fields! { DeviceRow:
    stage as "stage" 4,
    kind as "kind" 4,
    first as "first" 8,
    count as "count" 8,
    bound as "bound to" 4,
};
