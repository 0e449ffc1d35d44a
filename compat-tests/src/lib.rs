//! What proves the drop-in.
