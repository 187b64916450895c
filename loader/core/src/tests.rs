//! Tests as an enemy: odd maps, broken firmware tables, whole boots on a pretended machine.

mod acpi;
mod boot;
mod doors;
mod framebuffer;
mod later;
mod machine;
mod map;
mod mutated;
mod nodes;
mod tables;
mod walk;
