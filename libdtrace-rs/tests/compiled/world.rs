//! A compiler in a world where every probe is there, and the engine of this process to try its work on.

use dtrace_abi::{dif, ioctl};
use dtrace_rs::codegen::{Context, compile};
use dtrace_rs::d::check::{self, Environment, Identifiers, Options, Probes, Symbol};
use dtrace_rs::d::macros::Macros;
use dtrace_rs::error::{Code, Result};
use dtrace_rs::program::{Aggregations, ProbeDesc, Program};
use dtrace_rs::types::Types;
use dtrace_user::Device;

/// A world where every probe is there.
struct World;

impl Environment for World {
    fn probes(&mut self, _: &ProbeDesc) -> Result<Probes> {
        Ok(Probes { count: 2, attribute: None, args: None })
    }
    fn symbol(&mut self, _: &str, _: &str) -> Result<Symbol> {
        Err(Code::NoSymbol.into())
    }
    fn set_option(&mut self, _: &str, _: Option<&str>) -> Result<()> {
        Ok(())
    }
    fn provides(&mut self, _: &str, _: &str) -> bool {
        true
    }
    fn string_size(&self) -> u64 {
        256
    }
}

/// Compiles a program; its statements are numbered from 1.
pub(crate) fn program(text: &str) -> Result<Program> {
    compiled(text, &Types::with_btf_directory("/nonexistent"))
}

/// The same, with the types of the running kernel.
pub(crate) fn program_of_kernel(text: &str) -> Result<Program> {
    compiled(text, &Types::new())
}

fn compiled(text: &str, types: &Types) -> Result<Program> {
    let mut identifiers = Identifiers::default();
    let macros = Macros::default().with_process(&[("target", 0)]);
    let checked =
        check::compile(text.as_bytes(), Options::default(), &macros, types, &mut identifiers, &mut World)?;
    let mut aggregations = Aggregations::default();
    let mut next = dif::VAR_OTHER_UBASE + 0x100;
    let mut fresh_local = || {
        next += 1;
        next
    };
    let mut context =
        Context { types, strsize: 256, aggregations: &mut aggregations, fresh_local: &mut fresh_local };
    let mut program = compile(&checked, &mut context)?;
    program.number(1);
    Ok(program)
}

/// Enables an image on a device: the number of probes it matched, or the errno.
pub(crate) fn enable(device: &Device, image: &mut [u8]) -> std::result::Result<i32, i32> {
    // SAFETY: the image is live, and as long as its header says.
    unsafe { device.ioctl(ioctl::ENABLE, image.as_mut_ptr().cast()) }.map_err(|e| e as i32)
}
