//! Tests against a naive model.
