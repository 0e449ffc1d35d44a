//! Helpers from outside: processes bring images by the ioctls of `/dev/dtrace_helper` (contract 2.1, 3), and what consumers
//! see of that.

#[path = "../dof/allocator.rs"]
#[expect(dead_code, reason = "the loader's tests count, too")]
mod allocator;

#[path = "../dof/image.rs"]
#[expect(dead_code, reason = "the loader's tests use more of the builder")]
mod image;

#[path = "../framework/program.rs"]
#[expect(dead_code, reason = "the framework's tests use more of the language")]
mod program;

#[path = "../dof/random.rs"]
mod random;

mod annotations;
mod concurrency;
mod hostile;
mod images;
mod providers;
mod world;
