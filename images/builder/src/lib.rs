//! Builds boot images.
