//! libdtrace: D compiler, consumer, symbols and types, C API, and the dtrace command.
