//! What the manifest says about the first partition, the only one that the loader loads.

use crate::refusal::Refusal;
use abi::image::Name;
use abi::layout::{LASTING, LASTING_END, STACK_STRIDE};
use abi::manifest::{
    MANIFEST_MAGIC, MANIFEST_VERSION, ManifestHeader, ManifestPartition, PartitionRole,
};
use abi::types::PAGE_SIZE;
use zerocopy::FromBytes;

/// The first partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct First {
    /// Name of its program.
    pub program: Name,
    /// Pages of stack.
    pub stack: u64,
    /// Pages of lasting memory.
    pub lasting: u64,
    /// Whether page tables are to be isolated, as the kernel reads it.
    pub isolation: u64,
}

impl First {
    /// Reads partition 0 of a compiled manifest.
    ///
    /// # Errors
    /// [`Refusal::Manifest`].
    pub(crate) fn read(manifest: &[u8]) -> Result<Self, Refusal> {
        let refuse = |problem| Refusal::Manifest(problem);
        let (header, rest) = ManifestHeader::read_from_prefix(manifest)
            .map_err(|_| refuse("shorter than its header"))?;
        if header.magic != MANIFEST_MAGIC || header.version != MANIFEST_VERSION {
            return Err(refuse("not of the version that this loader reads"));
        }
        let (partition, _) = ManifestPartition::read_from_prefix(rest)
            .ok()
            .filter(|_| header.partitions > 0)
            .ok_or(refuse("no partitions"))?;
        Self::checked(&header, &partition).map_err(refuse)
    }

    fn checked(
        header: &ManifestHeader,
        partition: &ManifestPartition,
    ) -> Result<Self, &'static str> {
        if PartitionRole::from_number(partition.role) != Some(PartitionRole::ResourceManager) {
            return Err("partition 0 is not the resource manager");
        }
        // The page below a stack stays unmapped.
        if partition.stack == 0 || u64::from(partition.stack) >= STACK_STRIDE / PAGE_SIZE {
            return Err("the stack of partition 0 is empty or too large");
        }
        if u64::from(partition.lasting) > LASTING_END.saturating_sub(LASTING) / PAGE_SIZE {
            return Err("the lasting memory of partition 0 is too large");
        }
        Ok(Self {
            program: partition.program,
            stack: u64::from(partition.stack),
            lasting: u64::from(partition.lasting),
            isolation: header.isolation,
        })
    }
}
