//! Tests come with the fake kernel.
