//! All cases, in the order in which they run.

pub mod authority;
pub mod calls;
pub mod control;
pub mod faults;
pub mod lives;
pub mod messages;
pub mod shares;

use crate::outcome::Verdict;
use crate::world::World;

macro_rules! cases {
    ($($module:ident: $($case:ident),*;)*) => {
        /// Every case with its name.
        pub const ALL: &[(&str, fn(&mut World<'_>) -> Verdict)] = &[
            $($((concat!(stringify!($module), " ", stringify!($case)), $module::$case),)*)*
        ];
    };
}

cases! {
    calls:
        unknown_calls_are_refused, wait_ends_at_its_deadline, a_doorbell_rings_once_until_looked_at,
        doorbells_that_are_none_do_not_ring, call_rings_and_waits, yield_comes_back,
        acknowledge_wants_an_interrupt, ports_keep_their_range, ports_can_only_shrink,
        debug_takes_32_bytes, exit_wants_a_reason, inspect_tells_what_a_slot_holds,
        rights_never_grow, a_cleared_slot_is_empty, registers_hold_no_secrets;
    control:
        unknown_operations_are_refused, operations_need_their_right, inspecting_changes_nothing,
        the_partition_tells_its_state, pages_are_mapped_as_the_program_says,
        no_page_is_writable_and_executable, own_memory_can_be_mapped_twice,
        mapping_checks_its_arguments, no_foreign_frame_can_be_mapped,
        tables_and_slots_want_free_frames, put_checks_its_arguments, a_running_context_is_left_alone;
    authority:
        memory_in_use_stays_what_it_is, a_channel_is_made_and_unmade, a_processor_checks_its_plan,
        an_interrupt_line_is_bound_and_let_go, the_kernel_tells_and_checks,
        authority_needs_its_rights;
    messages:
        every_byte_comes_back, many_are_on_the_way_at_once, a_busy_channel_rings_rarely,
        unknown_requests_are_answered;
    lives:
        the_audit_finds_nothing, wrong_requests_are_refused, a_created_partition_lives,
        a_thousand_partitions_leave_nothing_behind, peers_see_a_new_epoch, everybody_can_be_restarted,
        the_resource_manager_comes_back;
}
