//! What a process hands to `/dev/dtrace_helper` (contract 2.2).

use crate::desc::MODNAMELEN;
use crate::name::Char;

/// A process's helper image.
///
/// cbindgen:field-names=[dofhp_mod, dofhp_addr, dofhp_dof]
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HelperDof {
    /// The module (executable or shared object) that it is for.
    pub module: [Char; MODNAMELEN],
    /// The address that relocations are relative to.
    pub addr: u64,
    /// The address of the DOF image.
    pub dof: u64,
}
layout!(HelperDof 80 { module 0:64 addr 64:8 dof 72:8 });
