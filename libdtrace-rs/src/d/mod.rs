//! The D language: text → tokens → syntax tree → checked, typed tree.
//!
//! ```text
//!   text ──lexer──▶ tokens ──parser──▶ ast ──check──▶ typed ──▶ code generation
//! ```
//!
//! The lexer needs the macro arguments, the parser needs to know which identifiers name types (C's typedef
//! feedback), the checker needs types, symbols and probes. Each gets what it needs as a trait, so the language can be
//! tested without a device, without a kernel and without symbols.
//!
//! What always holds: any input ends in a tree or in an [`Error`](crate::error::Error) with a tag and a line; no input
//! panics, recurses without bound (see [`parser`] and `check::bound`), or takes time out of proportion to its length and
//! to what its inlines expand to.

pub mod ast;
pub mod check;
pub mod excerpt;
pub mod lexer;
pub mod macros;
pub mod parser;
pub mod token;
pub mod tree;
pub mod typed;
