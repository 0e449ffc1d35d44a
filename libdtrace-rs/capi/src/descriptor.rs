//! Probes, enabled probes and aggregations as C describes them: each made once, and good as long as the handle.

use std::cell::RefCell;
use std::collections::HashMap;

use dtrace_abi::{AggDesc, EprobeDesc, Plain, ProbeDesc, RecDesc, record, set_name};
use dtrace_rs::consume::aggregate::Description;
use dtrace_rs::consume::describe::Enabled;
use dtrace_rs::device::Requests;
use dtrace_rs::error::{Error, Result};
use dtrace_rs::handle::Handle;
use dtrace_rs::program;

use crate::handle::Hdl;

/// A description that ends in records.
type Words = Vec<u64>;

/// The descriptions by their ids.
#[derive(Default)]
pub(crate) struct Descriptors {
    probes: RefCell<HashMap<u32, *mut ProbeDesc>>,
    enabled: RefCell<HashMap<u32, *mut Words>>,
    aggregations: RefCell<HashMap<u32, *mut Words>>,
}

impl Descriptors {
    /// A probe.
    pub(crate) fn probe(&self, probe: &program::ProbeDesc) -> *mut ProbeDesc {
        let make = || Box::into_raw(Box::new(probe_desc(probe)));
        *self.probes.borrow_mut().entry(probe.id).or_insert_with(make)
    }

    /// An enabled probe.
    pub(crate) fn enabled(&self, enabled: &Enabled) -> *mut EprobeDesc {
        let make = || {
            let header = EprobeDesc {
                epid: enabled.epid,
                probeid: enabled.probe.id,
                uarg: enabled.uarg,
                size: enabled.size as u32,
                nrecs: enabled.records.len() as u32,
                ..EprobeDesc::zeroed()
            };
            let records = enabled.records.iter().map(|record| record.desc);
            words(&header.as_bytes()[..EprobeDesc::HEADER], records)
        };
        start(*self.enabled.borrow_mut().entry(enabled.epid).or_insert_with(make)).cast()
    }

    /// An aggregation, with the mark whether the program has printed it.
    pub(crate) fn aggregation(
        &self,
        hdl: &Hdl,
        library: &Handle,
        description: &Description,
    ) -> Result<*mut AggDesc> {
        let known = self.aggregations.borrow().get(&description.id).copied();
        let made = match known {
            Some(made) => made,
            None => {
                let desc = Requests::new(library.device()).aggregation(description.id).map_err(Error::Sys)?;
                let name = library.aggregation(description.variable).map_or("", |a| &*a.name);
                let header = AggDesc {
                    name: hdl.name(name) as u64,
                    varid: i64::from(description.variable),
                    id: description.id,
                    epid: desc.epid,
                    size: desc.size,
                    nrecs: desc.records.len() as u32,
                    ..AggDesc::zeroed()
                };
                let made = words(&header.as_bytes()[..AggDesc::HEADER], desc.records.iter().copied());
                self.aggregations.borrow_mut().insert(description.id, made);
                made
            }
        };
        let desc = start(made).cast::<AggDesc>();
        let printed = library.aggregates().is_some_and(|a| a.is_printed(description.variable));
        // SAFETY: the words are of a description, and C has no more than its address.
        unsafe { (*desc).flags = if printed { record::AGD_PRINTED } else { 0 } };
        Ok(desc)
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        for (_, probe) in self.probes.take() {
            // SAFETY: each was made from a box, once.
            drop(unsafe { Box::from_raw(probe) });
        }
        for (_, words) in self.enabled.take().into_iter().chain(self.aggregations.take()) {
            // SAFETY: each was made from a box, once.
            drop(unsafe { Box::from_raw(words) });
        }
    }
}

/// A header with the records behind it. There is always room for one, because the type of the whole has one.
fn words(header: &[u8], records: impl Iterator<Item = RecDesc>) -> *mut Words {
    let mut bytes = header.to_vec();
    for record in records {
        bytes.extend_from_slice(record.as_bytes());
    }
    bytes.resize(bytes.len().max(header.len() + size_of::<RecDesc>()).next_multiple_of(8), 0);
    let words = bytes.as_chunks::<8>().0.iter().map(|&word| u64::from_ne_bytes(word)).collect();
    Box::into_raw(Box::new(words))
}

fn start(words: *mut Words) -> *mut u64 {
    // SAFETY: the words were made from a box, and are never added to.
    unsafe { (*words).as_mut_ptr() }
}

/// A probe as the driver describes it.
pub(crate) fn probe_desc(probe: &program::ProbeDesc) -> ProbeDesc {
    let mut desc = ProbeDesc { id: probe.id, ..ProbeDesc::zeroed() };
    set_name(&mut desc.provider, probe.provider.as_bytes());
    set_name(&mut desc.module, probe.module.as_bytes());
    set_name(&mut desc.function, probe.function.as_bytes());
    set_name(&mut desc.name, probe.name.as_bytes());
    desc
}
