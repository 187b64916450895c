//! What this processor can do, and the refusal of those that can do too little.

use super::msr::{self, Register};
use abi::control::Feature;
use abi::manifest::Isolation;
use raw_cpuid::CpuId;

/// CPUID 7, EDX: there is a register that tells what the processor is not open to.
const ARCHITECTURE: u32 = 1 << 29;
/// In that register: RDCL_NO.
const NO_MELTDOWN: u64 = 1;

/// Asks the processor; the error is the sentence with which the kernel refuses it. `isolation` is an [`Isolation`].
pub fn detect(isolation: u64) -> Result<Feature, &'static str> {
    let id = CpuId::new();
    let extended = id
        .get_extended_processor_and_feature_identifiers()
        .ok_or("kernel: this processor does not say what it can do")?;
    if !extended.has_execute_disable() {
        return Err("kernel: this processor has no NX; it cannot keep data from being executed");
    }
    if !extended.has_syscall_sysret() {
        return Err("kernel: this processor has no system calls in long mode");
    }
    let found = optional(&id);
    let isolated = isolation != Isolation::Off as u64
        && (isolation == Isolation::On as u64 || !keeps_rights(&id));
    // Global pages would stay in the TLB while a partition runs.
    Ok(if isolated {
        (found - Feature::GLOBAL_PAGES) | Feature::ISOLATED_PAGE_TABLES
    } else {
        found
    })
}

/// Whether it says that it never looks ahead past the rights of pages (Intel SDM 4, IA32_ARCH_CAPABILITIES; AMD: none does).
fn keeps_rights<R: raw_cpuid::CpuIdReader>(id: &CpuId<R>) -> bool {
    let vendor = id.get_vendor_info();
    let amd = |vendor: &str| vendor == "AuthenticAMD" || vendor == "HygonGenuine";
    let says = raw_cpuid::cpuid!(7, 0).edx & ARCHITECTURE != 0;
    vendor.is_some_and(|vendor| amd(vendor.as_str()))
        || says && msr::read(Register::Architecture) & NO_MELTDOWN != 0
}

fn optional<R: raw_cpuid::CpuIdReader>(id: &CpuId<R>) -> Feature {
    let (basic, further) = (id.get_feature_info(), id.get_extended_feature_info());
    let power = id.get_advanced_power_mgmt_info();
    let found = [
        (Feature::SMEP, further.as_ref().is_some_and(|f| f.has_smep())),
        (Feature::SMAP, further.as_ref().is_some_and(|f| f.has_smap())),
        (Feature::UMIP, further.as_ref().is_some_and(|f| f.has_umip())),
        (Feature::GLOBAL_PAGES, basic.as_ref().is_some_and(|f| f.has_pge())),
        (Feature::X2APIC, basic.as_ref().is_some_and(|f| f.has_x2apic())),
        (Feature::TSC_DEADLINE, basic.as_ref().is_some_and(|f| f.has_tsc_deadline())),
        (Feature::INVARIANT_TSC, power.is_some_and(|p| p.has_invariant_tsc())),
        (Feature::MACHINE_CHECK, basic.as_ref().is_some_and(|f| f.has_mce())),
    ];
    found.into_iter().filter(|(_, present)| *present).map(|(feature, _)| feature).collect()
}
