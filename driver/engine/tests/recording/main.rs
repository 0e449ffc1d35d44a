//! What firing probes leave behind, to the byte (contract 2.6): principal buffers, aggregations, and how a consumer gets
//! at them while probes go on.

mod aggregations;
mod buffers;
mod exchanges;
