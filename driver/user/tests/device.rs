//! The device in this process answers as /dev/dtrace does.

use dtrace_abi::{Conf, Plain, ProbeDesc, ioctl};
use dtrace_engine::errno::Errno;
use dtrace_user::Device;
use std::collections::BTreeSet;

fn call<T: Plain>(device: &Device, command: u32, argument: &mut T) -> Result<i32, Errno> {
    // SAFETY: the argument is a live structure of the command's type.
    unsafe { device.ioctl(command, (&raw mut *argument).cast()) }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name.split(|&b| b == 0).next().unwrap_or_default()).into_owned()
}

/// All probes, as `dtrace -l` asks for them.
fn probes(device: &Device) -> Vec<ProbeDesc> {
    let mut found = Vec::new();
    let mut description = ProbeDesc::zeroed();
    while call(device, ioctl::PROBES, &mut description).is_ok() {
        found.push(description);
        description.id += 1;
    }
    found
}

#[test]
fn it_says_what_it_is() {
    let device = Device::open().expect("a device");
    let mut conf = Conf::zeroed();
    assert_eq!(call(&device, ioctl::CONF, &mut conf), Ok(0));
    assert_eq!((conf.difversion, conf.difintregs, conf.diftupregs, conf.ctfmodel), (2, 8, 8, 2));
}

#[test]
fn it_has_the_providers_of_a_process() {
    let device = Device::open().expect("a device");
    let probes = probes(&device);
    let providers: BTreeSet<String> = probes.iter().map(|probe| text(&probe.provider)).collect();
    assert_eq!(providers.into_iter().collect::<Vec<_>>(), ["dtrace", "profile", "syscall"]);
    let opens = probes.iter().filter(|probe| text(&probe.function) == "openat").count();
    assert_eq!(opens, 2, "entry and return");
}

#[test]
fn an_unknown_command_and_a_bad_address_are_errors() {
    let device = Device::open().expect("a device");
    let mut conf = Conf::zeroed();
    assert_eq!(call(&device, 0x6474_72ff, &mut conf), Err(Errno::ENOTTY));
    // SAFETY: the address is bad, which is what the call must find out.
    assert_eq!(unsafe { device.ioctl(ioctl::CONF, 0xdead_0000_0000 as *mut _) }, Err(Errno::EFAULT));
}
