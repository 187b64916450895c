//! What this processor can do, and the refusal of those that can do too little.

use abi::control::Feature;
use raw_cpuid::CpuId;

/// Features that the kernel uses where they are present, as bits: value 0 of `KernelOperation::Fact(0)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Features(u64);

impl Features {
    /// Kernel never executes memory of partitions.
    pub const SMEP: u64 = Feature::SMEP.bits();
    /// Kernel never touches memory of partitions by their addresses.
    pub const SMAP: u64 = Feature::SMAP.bits();
    /// Partitions cannot read the addresses of the kernel's tables.
    pub const UMIP: u64 = Feature::UMIP.bits();
    /// Pages of the kernel stay in the TLB over a switch.
    pub const GLOBAL_PAGES: u64 = Feature::GLOBAL_PAGES.bits();
    /// The local APIC has the x2APIC interface.
    pub const X2APIC: u64 = Feature::X2APIC.bits();
    /// The local APIC timer takes a deadline in ticks of the time stamp counter.
    pub const TSC_DEADLINE: u64 = Feature::TSC_DEADLINE.bits();
    /// The time stamp counter runs evenly in every power state.
    pub const INVARIANT_TSC: u64 = Feature::INVARIANT_TSC.bits();
    /// Machine checks can be reported.
    pub const MACHINE_CHECK: u64 = Feature::MACHINE_CHECK.bits();

    /// Asks the processor; the error is the sentence with which the kernel refuses it.
    pub fn detect() -> Result<Self, &'static str> {
        let id = CpuId::new();
        let extended = id
            .get_extended_processor_and_feature_identifiers()
            .ok_or("kernel: this processor does not say what it can do")?;
        if !extended.has_execute_disable() {
            return Err(
                "kernel: this processor has no NX; it cannot keep data from being executed",
            );
        }
        if !extended.has_syscall_sysret() {
            return Err("kernel: this processor has no system calls in long mode");
        }
        Ok(Self::optional(&id))
    }

    fn optional<R: raw_cpuid::CpuIdReader>(id: &CpuId<R>) -> Self {
        let (basic, further) = (id.get_feature_info(), id.get_extended_feature_info());
        let power = id.get_advanced_power_mgmt_info();
        let found = [
            (Self::SMEP, further.as_ref().is_some_and(|f| f.has_smep())),
            (Self::SMAP, further.as_ref().is_some_and(|f| f.has_smap())),
            (Self::UMIP, further.as_ref().is_some_and(|f| f.has_umip())),
            (Self::GLOBAL_PAGES, basic.as_ref().is_some_and(|f| f.has_pge())),
            (Self::X2APIC, basic.as_ref().is_some_and(|f| f.has_x2apic())),
            (Self::TSC_DEADLINE, basic.as_ref().is_some_and(|f| f.has_tsc_deadline())),
            (Self::INVARIANT_TSC, power.is_some_and(|p| p.has_invariant_tsc())),
            (Self::MACHINE_CHECK, basic.as_ref().is_some_and(|f| f.has_mce())),
        ];
        Self(found.into_iter().filter(|(_, present)| *present).map(|(bit, _)| bit).sum())
    }

    /// Whether it has the feature.
    pub fn has(self, feature: u64) -> bool {
        self.0 & feature != 0
    }

    /// All of them.
    pub fn bits(self) -> u64 {
        self.0
    }
}
