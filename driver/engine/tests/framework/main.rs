//! The framework from outside: consumers that drive an engine on a mock machine through the ioctls of contract 2.1.

#[path = "../dof/image.rs"]
#[expect(dead_code, reason = "the loader's tests use more of the builder")]
mod image;

mod aggregations;
mod anonymous;
mod counting;
mod decode;
mod faults;
mod forms;
mod keys;
mod life;
mod limits;
mod matching;
mod options;
mod privileges;
mod program;
mod records;
mod session;
mod speculations;
mod stalls;
mod teardown;
mod vectors;
