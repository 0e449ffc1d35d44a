//! The engine hosted in an ordinary process.
