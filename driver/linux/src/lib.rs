//! The Linux host of the engine: providers, devices and /proc.
#![no_std]
