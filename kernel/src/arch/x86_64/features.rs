//! What this processor can do. Those that can do too little the loader has refused.

use super::msr::{self, Register};
use abi::control::Feature;
use abi::manifest::Isolation;
use raw_cpuid::CpuId;

/// CPUID 7, EDX: there is a register that tells what the processor is not open to.
const ARCHITECTURE: u32 = 1 << 29;
/// In that register: RDCL_NO.
const NO_MELTDOWN: u64 = 1;

/// Asks the processor. `isolation` is an [`Isolation`].
pub fn detect(isolation: u64) -> Feature {
    let id = CpuId::new();
    let found = optional(&id);
    let isolated = isolation != Isolation::Off as u64
        && (isolation == Isolation::On as u64 || !keeps_rights(&id));
    // Global pages would stay in the TLB while a partition runs.
    if isolated { (found - Feature::GLOBAL_PAGES) | Feature::ISOLATED_PAGE_TABLES } else { found }
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
        (Feature::VIRTUAL, basic.as_ref().is_some_and(|f| f.has_hypervisor())),
        (Feature::MACHINE_CHECK, basic.as_ref().is_some_and(|f| f.has_mce())),
    ];
    found.into_iter().filter(|(_, present)| *present).map(|(feature, _)| feature).collect()
}
