//! The operations of the `control` call as types: each knows the kind of object it works on and the right it needs, so
//! that the wrong kind and the missing right do not compile. What they do, and their arguments, is in [`abi::control`].

use crate::capability::{object, right};
use abi::control as abi_control;

/// An operation of the `control` call.
pub trait Operation {
    /// The kind of object it works on.
    type Object;
    /// The right it needs.
    type Right;
    /// Its number in the call.
    const NUMBER: u64;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $module:ident: $from:ident on $object:ident { $($name:ident: $right:ident,)* })*) => {
        $(
            $(#[$doc])*
            pub mod $module {
                use super::*;
                $(
                    #[doc = concat!("See [`abi::control::", stringify!($from), "::", stringify!($name), "`].")]
                    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
                    pub struct $name;

                    impl Operation for $name {
                        type Object = object::$object;
                        type Right = right::$right;
                        const NUMBER: u64 = abi_control::$from::$name as u64;
                    }
                )*
            }
        )*

        /// Set, name and right of each operation.
        #[cfg(test)]
        const TABLE: &[(&str, &str, &str)] =
            &[$($((stringify!($from), stringify!($name), stringify!($right)),)*)*];
    };
}

operations! {
    /// On physical memory.
    memory: MemoryOperation on Memory {
        Create: Grant, Assign: Grant, Transfer: Grant, Release: Grant, Query: Inspect,
    }
    /// On a partition.
    partition: PartitionOperation on Partition {
        AddTable: Grant, RemoveTable: Grant, Map: Grant, Unmap: Grant, AddSlots: Grant, RemoveSlots: Grant, Put: Grant,
        Clear: Grant, SetRescuer: Grant, Renew: Grant, State: Inspect, Destroy: Grant, Translate: Inspect, Look: Inspect,
    }
    /// On a context.
    context: ContextOperation on Context {
        Configure: Manage, Start: Manage, Stop: Manage, Renew: Grant, State: Inspect, Fault: Inspect,
        Register: Inspect, Destroy: Grant, Move: Manage, Rest: Manage,
    }
    /// On a channel.
    channel: ChannelOperation on Channel {
        Join: Grant, Part: Grant, State: Inspect, Destroy: Grant, Peek: Inspect, Poke: Grant,
    }
    /// On a processor.
    processor: ProcessorOperation on Processor {
        Stage: Manage, Commit: Manage, Place: Inspect, State: Inspect, Trace: Inspect, SetSlot: Manage,
    }
    /// On an interrupt line.
    interrupt: InterruptOperation on Interrupt {
        Bind: Manage, Unbind: Manage, State: Inspect,
    }
    /// On the kernel.
    kernel: KernelOperation on Kernel {
        Audit: Inspect, CrashRecord: Inspect, Reset: Manage, Fact: Inspect, Watch: Manage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi_control::{
        ChannelOperation, ContextOperation, InterruptOperation, KernelOperation, MemoryOperation,
        PartitionOperation, ProcessorOperation,
    };
    use std::string::String;
    use std::vec::Vec;

    const SPECIFICATION: &str = include_str!("../../../abi/SPEC.md");

    /// The rows of the table of `set` in the specification: name and right of each operation.
    fn specified(set: &str) -> Vec<(String, String)> {
        let head = std::format!("| `{set}` | number |");
        let table = SPECIFICATION.lines().skip_while(|line| !line.starts_with(&head)).skip(2);
        let rows = table.take_while(|line| line.starts_with('|'));
        let row = |line: &str| {
            let line = line.replace("\\|", "");
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').into(), cells[4].into())
        };
        rows.map(row).collect()
    }

    #[test]
    fn every_operation_has_the_right_that_the_specification_says() {
        macro_rules! each {
            ($($set:ident)*) => {$(
                let names: Vec<&str> = $set::ALL.iter().map(|(_, name)| *name).collect();
                let own: Vec<_> = TABLE.iter().filter(|row| row.0 == stringify!($set)).collect();
                assert_eq!(own.iter().map(|row| row.1).collect::<Vec<_>>(), names);
                let rights = |row: &&(&str, &str, &str)| (row.1.into(), row.2.to_uppercase());
                assert_eq!(own.iter().map(|row| rights(row)).collect::<Vec<_>>(), specified(stringify!($set)));
            )*};
        }
        each! {
            MemoryOperation PartitionOperation ContextOperation ChannelOperation ProcessorOperation
            InterruptOperation KernelOperation
        }
    }
}
