//! What a probe costs, natively and in a guest.
