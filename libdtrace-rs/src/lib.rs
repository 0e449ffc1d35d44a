//! libdtrace: D compiler, consumer, symbols and types, C API, and the dtrace command.
//!
//! Data flows one way: D text → [`d`] (lexer, parser, checker) → code generation and DOF → the device → the consumer.

pub mod cmd;
pub mod codegen;
pub mod consume;
pub mod d;
pub mod device;
pub mod dif;
pub mod dof;
pub mod error;
pub mod handle;
pub mod header;
pub mod link;
pub mod options;
pub mod picture;
pub mod printf;
pub mod proc;
pub mod program;
pub mod symbols;
pub mod types;
