//! Tests, as an enemy: a manager that changes its books while they are read, dies in between, and lies.

mod create;
mod fake;
mod map;
mod near;
mod place;
mod snapshot;
mod zones;
