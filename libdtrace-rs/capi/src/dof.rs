//! Images of programs and options.

use std::ffi::{c_uint, c_void};

use dtrace_rs::error::{Error, Result};

use crate::constant::{D_MASK, D_PROBES};
use crate::entry::{enter, opaque};
use crate::handle::{Hdl, Prog};
use crate::statement;

/// Hands out an image: its address is aligned as its sections want it.
fn hand_out(hdl: &Hdl, image: &[u8]) -> *mut c_void {
    let mut bytes = image.to_vec();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    let words: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|&word| u64::from_ne_bytes(word)).collect();
    let kept = hdl.images.keep(words);
    // SAFETY: it was kept just now, and is never added to.
    opaque(unsafe { (*kept).as_mut_ptr() })
}

/// The image of a program. The flags are DTRACE_D_*.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_dof_create(dtp: *mut Hdl, program: *mut Prog, flags: c_uint) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            if flags & !D_MASK != 0 {
                return Err(Error::Sys(libc::EINVAL));
            }
            let program = statement::whole(hdl, program)?;
            let image = hdl.library()?.program_image(&program, flags & D_PROBES != 0);
            Ok(hand_out(hdl, &image))
        })
    }
}

/// Destroys an image that dtrace_dof_create, dtrace_getopt_dof or dtrace_geterr_dof made.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_dof_destroy(dtp: *mut Hdl, image: *mut c_void) {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| -> Result<()> {
            let known =
                hdl.images.all().into_iter().find(|&kept| std::ptr::eq((*kept).as_ptr(), image.cast()));
            drop(known.and_then(|kept| hdl.images.give_up(kept)));
            Ok(())
        });
    }
}

/// The image of the options that are set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_getopt_dof(dtp: *mut Hdl) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let image = hdl.library()?.options_image();
            Ok(hand_out(hdl, &image))
        })
    }
}

/// The image of the library's own ERROR program.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dtrace_geterr_dof(dtp: *mut Hdl) -> *mut c_void {
    // SAFETY: the caller's promise (lib.rs).
    unsafe {
        enter(dtp, |hdl| {
            let image = hdl.library_mut()?.error_image();
            Ok(hand_out(hdl, &image))
        })
    }
}
