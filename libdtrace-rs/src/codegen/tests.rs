//! Code for hand-built trees.
