//! What this processor can do, and the refusal of those that can do too little.

use raw_cpuid::CpuId;

/// Features that the kernel uses where they are present. The bits are value 0 of `KernelOperation::Fact(0)`.
#[derive(Clone, Copy, Default, Debug)]
pub struct Features {
    /// Kernel never executes memory of partitions.
    pub smep: bool,
    /// Kernel never touches memory of partitions by their addresses.
    pub smap: bool,
    /// Partitions cannot read the addresses of the kernel's tables.
    pub umip: bool,
    /// Pages of the kernel stay in the TLB over a switch.
    pub global_pages: bool,
    /// The local APIC has the x2APIC interface.
    pub x2apic: bool,
    /// The local APIC timer takes a deadline in ticks of the time stamp counter.
    pub tsc_deadline: bool,
    /// The time stamp counter runs evenly in every power state.
    pub invariant_tsc: bool,
    /// Machine checks can be reported.
    pub machine_check: bool,
}

impl Features {
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
        let basic = id.get_feature_info();
        let further = id.get_extended_feature_info();
        let power = id.get_advanced_power_mgmt_info();
        Self {
            smep: further.as_ref().is_some_and(|f| f.has_smep()),
            smap: further.as_ref().is_some_and(|f| f.has_smap()),
            umip: further.as_ref().is_some_and(|f| f.has_umip()),
            global_pages: basic.as_ref().is_some_and(|f| f.has_pge()),
            x2apic: basic.as_ref().is_some_and(|f| f.has_x2apic()),
            tsc_deadline: basic.as_ref().is_some_and(|f| f.has_tsc_deadline()),
            invariant_tsc: power.is_some_and(|p| p.has_invariant_tsc()),
            machine_check: basic.as_ref().is_some_and(|f| f.has_mce()),
        }
    }

    /// The features as bits, in the order of the fields from bit 0.
    pub fn bits(self) -> u64 {
        let all = [
            self.smep,
            self.smap,
            self.umip,
            self.global_pages,
            self.x2apic,
            self.tsc_deadline,
            self.invariant_tsc,
            self.machine_check,
        ];
        all.iter().rev().fold(0, |bits, &present| bits << 1 | u64::from(present))
    }
}
