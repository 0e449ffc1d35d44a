//! The ioctls of `/dev/dtrace_helper` (contract 2.1): a process brings helpers and takes them back.
//!
//! Always the current process, whoever opened the device: a descriptor that was inherited or sent says nothing.

use dtrace_abi::{HelperDof, Plain, ioctl, name_bytes};

use super::Model;
use crate::control::Dtrace;
use crate::errno::Errno;
use crate::host::Host;

impl<H: Host> Dtrace<H> {
    /// An ioctl on `/dev/dtrace_helper` by the current process. Adding answers the generation, which is at least 1.
    ///
    /// ENOTTY for an unknown command, EFAULT, E2BIG, EINVAL for an image that is refused, ENOMEM, EINTR; and where the host cannot
    /// watch processes or the meta provider fails, what they say. Taking back what was never brought is no error.
    pub fn helper_ioctl(&self, model: Model, command: u32, arg: u64) -> Result<i32, Errno> {
        match command {
            ioctl::HELPER_ADD => {
                let image = self.read_image(model.address(arg))?;
                self.add_helper(image, 0, b"")
            }
            ioctl::HELPER_ADDDOF => {
                let mut helper = HelperDof::zeroed();
                self.host.ioctl_read(model.address(arg), helper.as_bytes_mut())?;
                let image = self.read_image(model.address(helper.dof))?;
                let base = model.address(helper.addr);
                let module = name_bytes(&helper.module);
                self.add_helper(image, base, module)
            }
            ioctl::HELPER_REMOVE => {
                // The number is an int of the caller's; one that is none was never given.
                let generation = u32::try_from(arg).unwrap_or(0);
                self.remove_helper(generation)?;
                Ok(0)
            }
            _ => Err(Errno::ENOTTY),
        }
    }
}
