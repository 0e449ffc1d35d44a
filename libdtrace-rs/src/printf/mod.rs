//! The formats of `printf`, `printa`, `system` and `freopen`: read here, checked against argument types by the compiler
//! ([`d`](crate::d)), printed by the consumer ([`consume`](crate::consume)).

pub mod format;
