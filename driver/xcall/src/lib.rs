//! Cross-CPU calls and quiescence as a state machine.
#![no_std]
