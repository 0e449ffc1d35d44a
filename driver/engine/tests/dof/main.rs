//! Loading of DOF images and verification of DIF, from outside: what is accepted, what is refused and why, and that
//! nothing whatever brings the loader down.

mod hostile;
mod image;
mod loading;
mod random;
mod refusals;
mod vectors;
mod verification;
