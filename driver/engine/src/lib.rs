//! What fires a probe and keeps the books; knows no Linux.
#![no_std]
