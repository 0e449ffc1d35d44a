//! What feeds the engine and the compiler nonsense.
//!
//! Four targets, each run by `fuzz/run` (or `make fuzz`):
//!
//! * `dof`: images, bent section by section ([`sections`]), into the loader;
//! * `dif`: programs of random instructions and actions ([`program`]), enabled and fired in this process, where addresses
//!   are real: what a program loads from must fault safely;
//! * `ioctl`: sequences of requests of several consumers on a mock machine, probes that fire between them, providers that
//!   come and go, and memory that runs out;
//! * `d`: texts of D into the compiler, whose programs and errors are all that may come of them.
//!
//! A finding is a panic (overflow and debug assertions are on), a crash, a hang, an allocation that is left behind
//! ([`ledger`]), a record that the describing requests do not explain ([`records`]), kernel memory in the hands of a consumer
//! that may not read it, or an answer that the consumer's state forbids. Everything here therefore panics on purpose.

pub mod code;
#[cfg(feature = "compiler")]
pub mod embedded;
pub mod input;
pub mod ledger;
pub mod program;
pub mod records;
pub mod sections;

#[path = "../../driver/engine/tests/dof/image.rs"]
#[expect(dead_code, reason = "the loader's tests use more of the builder")]
pub(crate) mod image;

/// An image with a section of every type that a program may have, and one of a helper.
#[must_use]
pub fn samples() -> [Vec<u8>; 2] {
    [image::program().build(), image::helper().build()]
}
