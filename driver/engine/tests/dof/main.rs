//! Loading of DOF images and verification of DIF, from outside: what is accepted, what is refused and why, and that
//! nothing whatever brings the loader down.

#[expect(dead_code, reason = "other tests starve")]
mod allocator;
mod hostile;
mod image;
mod loading;
mod random;
mod refusals;
mod vectors;
mod verification;
