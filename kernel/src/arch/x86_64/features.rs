//! What this processor can do, and the refusal of those that can do too little.

use abi::control::Feature;
use raw_cpuid::CpuId;

/// Asks the processor; the error is the sentence with which the kernel refuses it.
pub fn detect() -> Result<Feature, &'static str> {
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
    Ok(optional(&id))
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
