//! Meta providers: what makes providers of the ones that processes describe (USDT).

use alloc::boxed::Box;

use crate::dof::HelperProvider;
use crate::errno::Errno;
use crate::host::Host;
use crate::provider::Provider;

/// A process that brings a provider.
#[derive(Clone, Copy, Debug)]
pub struct HelperProcess<'a> {
    /// Its id.
    pub pid: u32,
    /// What the host knows it by ([`Host::process_key`]).
    pub key: u64,
    /// Its real user id when it brought the image.
    pub uid: u32,
    /// The module (executable or shared object) that the image is of; empty if the process did not say.
    pub module: &'a [u8],
    /// The number under which the process may take the image back.
    pub generation: u32,
}

/// Makes providers of what the images of processes describe. There is one at most; it registers with
/// [`Dtrace::register_meta`](crate::Dtrace::register_meta).
pub trait MetaProvider<H: Host>: Send + Sync {
    /// Makes a provider for the probes that an image describes. The engine registers it under the name `NAME<pid>`, asks it
    /// for its probes ([`Provider::provide`]) and matches retained enablings with them. When the process takes the image
    /// back, ends, or runs another program, tracing of the probes ends, whether or not they are enabled, and the provider is
    /// dropped; the process may be gone by then.
    ///
    /// Process context, with the control mutex held; so is the drop. The current process is the one that brings the image,
    /// unless it brought it before the meta provider registered, or was forked from one that did.
    ///
    /// An error fails the request of the process.
    fn provide(
        &self,
        process: &HelperProcess<'_>,
        description: HelperProvider,
    ) -> Result<Box<dyn Provider<H>>, Errno>;
}
