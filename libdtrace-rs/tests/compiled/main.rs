//! Programs from text to records: compiled, taken by the engine of this process, and run.

mod enable;
mod kernel_types;
mod run;
mod world;
