//! Tests as an enemy.
