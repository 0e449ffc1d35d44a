//! What the ids in the buffers stand for: enabled probes, aggregations and formats, asked for once each.

use std::collections::HashMap;
use std::rc::Rc;

use dtrace_abi::action::{DIFEXPR, FREOPEN, LIBACT, PRINTF, SYSTEM};
use dtrace_abi::{RecDesc, name_bytes};

use super::aggregate::{Description, Key};
use crate::device::Requests;
use crate::dof::STAMP_UARG;
use crate::error::{Code, Error, Result};
use crate::printf::format::Format;
use crate::program::{Action, Aggregation, ProbeDesc, Program, Stmt, StmtKind};
use crate::types::TypeId;

/// The statements of a handle, by their numbers: what `uarg` of a record leads to.
#[derive(Clone, Debug, Default)]
pub struct Statements(Vec<Rc<Stmt>>);

impl Statements {
    /// The number of the next statement.
    pub fn next(&self) -> u64 {
        self.0.len() as u64 + 1
    }

    /// Numbers the statements of a program and takes them in.
    pub fn adopt(&mut self, program: &mut Program) {
        program.number(self.next());
        self.0.extend(program.stmts().cloned().map(Rc::new));
    }

    /// The statement with this number.
    pub fn get(&self, number: u64) -> Option<&Rc<Stmt>> {
        self.0.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The aggregation of this number, if a statement feeds it.
    pub fn aggregation(&self, number: u32) -> Option<&Rc<Aggregation>> {
        self.0.iter().find_map(|stmt| match &stmt.kind {
            StmtKind::Aggregate(aggregation) if aggregation.id == number => Some(aggregation),
            _ => None,
        })
    }
}

/// A record of an enabled probe.
#[derive(Clone, Debug)]
pub struct Record {
    /// As the driver describes it.
    pub desc: RecDesc,
    /// Whether it is known to be a D string.
    pub string: bool,
    /// Its type, where it is known.
    pub ty: Option<TypeId>,
    /// The statement that it belongs to.
    pub stmt: Option<Rc<Stmt>>,
}

/// An enabled probe.
#[derive(Clone, Debug)]
pub struct Enabled {
    /// Its id.
    pub epid: u32,
    /// What the program put into the ECB.
    pub uarg: u64,
    /// Bytes of its records with the EPID.
    pub size: usize,
    /// Its records.
    pub records: Vec<Record>,
    /// The record that says when the others were made, where there is one.
    pub stamp: Option<RecDesc>,
    /// The probe.
    pub probe: Rc<ProbeDesc>,
}

/// What is known so far.
#[derive(Debug, Default)]
pub struct Descriptions {
    enabled: HashMap<u32, Rc<Enabled>>,
    probes: HashMap<u32, Rc<ProbeDesc>>,
    aggregations: HashMap<u32, Rc<Description>>,
    formats: HashMap<u16, Rc<Format>>,
    /// Bytes of a D string, where no statement says which of the values are strings: in the anonymous state.
    strings: Option<u32>,
}

impl Descriptions {
    /// Nothing yet. `strings` is the size of D strings if only that tells them from other values.
    pub fn new(strings: Option<u32>) -> Descriptions {
        Descriptions { strings, ..Descriptions::default() }
    }

    /// Whether a record is known to be a D string, or is taken for one.
    fn is_string(&self, record: &RecDesc, action: Option<&Action>) -> bool {
        let looks = matches!(u32::from(record.action), DIFEXPR | PRINTF | SYSTEM | FREOPEN | LIBACT)
            && Some(record.size) == self.strings
            && !matches!(record.size, 1 | 2 | 4 | 8);
        action.map_or(looks, is_string)
    }

    /// The enabled probe with this id.
    pub fn enabled(
        &mut self,
        requests: Requests<'_>,
        statements: &Statements,
        epid: u32,
    ) -> Result<Rc<Enabled>> {
        if let Some(known) = self.enabled.get(&epid) {
            return Ok(known.clone());
        }
        let desc = requests.enabled_probe(epid).map_err(Error::Sys)?;
        let probe = self.probe(requests, desc.probe)?;
        let mut records: Vec<Record> = Vec::with_capacity(desc.records.len());
        let (own, stamps): (Vec<RecDesc>, Vec<RecDesc>) =
            desc.records.iter().copied().partition(|record| record.uarg != STAMP_UARG);
        for (n, record) in own.iter().enumerate() {
            let stmt = statements.get(record.uarg);
            // A statement's actions are recorded in order, one behind the other.
            let place = own[..n].iter().rev().take_while(|r| r.uarg == record.uarg).count();
            let action = stmt.and_then(|stmt| stmt.actions.get(place));
            let (string, ty) = (self.is_string(record, action), action.and_then(|action| action.ty));
            records.push(Record { desc: *record, string, ty, stmt: stmt.cloned() });
        }
        let size = desc.size as usize;
        let stamp = stamps.first().copied().filter(|stamp| stamp.size == 8);
        let enabled = Rc::new(Enabled { epid, uarg: desc.uarg, size, records, stamp, probe });
        self.enabled.insert(epid, enabled.clone());
        Ok(enabled)
    }

    /// The probe with this id.
    pub fn probe(&mut self, requests: Requests<'_>, id: u32) -> Result<Rc<ProbeDesc>> {
        if let Some(known) = self.probes.get(&id) {
            return Ok(known.clone());
        }
        let probe = Rc::new(probe_desc(&requests.probe_from(id).map_err(Error::Sys)?));
        self.probes.insert(id, probe.clone());
        Ok(probe)
    }

    /// The aggregation with this id of the driver. `varid` reads the number in the handle from a record of it.
    pub fn aggregation(
        &mut self,
        requests: Requests<'_>,
        statements: &Statements,
        id: u32,
        record: &[u8],
    ) -> Result<Rc<Description>> {
        if let Some(known) = self.aggregations.get(&id) {
            return Ok(known.clone());
        }
        self.describe(requests, statements, id, |first, _| integer(record, first))
    }

    /// The aggregation with this number in the handle, whether or not anything was ever put into it: the driver is asked for
    /// all that it has, and its statement says which it is.
    pub fn aggregation_of(
        &mut self,
        requests: Requests<'_>,
        statements: &Statements,
        variable: u32,
    ) -> Option<Rc<Description>> {
        let meant = |stmt: Option<&Rc<Stmt>>| match &stmt?.kind {
            StmtKind::Aggregate(aggregation) => Some(aggregation.id),
            _ => None,
        };
        for id in 1.. {
            let description = match self.aggregations.get(&id) {
                Some(known) => known.clone(),
                None => self.describe(requests, statements, id, |_, stmt| meant(stmt)).ok()?,
            };
            if description.variable == variable {
                return Some(description);
            }
        }
        None
    }

    fn describe(
        &mut self,
        requests: Requests<'_>,
        statements: &Statements,
        id: u32,
        variable: impl FnOnce(&RecDesc, Option<&Rc<Stmt>>) -> Option<u32>,
    ) -> Result<Rc<Description>> {
        let desc = requests.aggregation(id).map_err(Error::Sys)?;
        let (Some((value, keys)), size) = (desc.records.split_last(), desc.size as usize) else {
            return Err(Code::BadAggregation.into());
        };
        let Some((first, keys)) = keys.split_first() else { return Err(Code::BadAggVar.into()) };
        let stmt = statements.get(value.uarg);
        let variable = variable(first, stmt).ok_or(Code::BadAggVar)?;
        // Actions without data have no records here.
        let actions: Vec<&Action> = stmt.map_or_else(Vec::new, |stmt| {
            stmt.actions.iter().filter(|a| a.difo.as_ref().is_none_or(|d| d.rtype.size != 0)).collect()
        });
        let keys = keys
            .iter()
            .enumerate()
            .map(|(n, record)| {
                let action = actions.get(n + 1).copied();
                Key {
                    record: *record,
                    string: self.is_string(record, action),
                    ty: action.and_then(|action| action.ty),
                }
            })
            .collect();
        let description = Rc::new(Description { id, variable, size, keys, value: *value });
        self.aggregations.insert(id, description.clone());
        Ok(description)
    }

    /// The format with this id.
    pub fn format(&mut self, requests: Requests<'_>, id: u16) -> Result<Rc<Format>> {
        if let Some(known) = self.formats.get(&id) {
            return Ok(known.clone());
        }
        let text = requests.format(id).map_err(Error::Sys)?;
        let format = Rc::new(Format::parse(&text).map_err(|_| Code::BadConversion)?);
        self.formats.insert(id, format.clone());
        Ok(format)
    }
}

fn is_string(action: &Action) -> bool {
    action.difo.as_ref().is_some_and(|difo| difo.rtype.string)
}

/// The number in a record, whatever its size.
fn integer(data: &[u8], record: &RecDesc) -> Option<u32> {
    use dtrace_abi::Plain;
    let bytes = data.get(record.offset as usize..)?;
    match record.size {
        4 => u32::from_bytes(bytes),
        8 => u64::from_bytes(bytes).and_then(|n| u32::try_from(n).ok()),
        _ => None,
    }
}

/// A probe as the driver describes it.
pub fn probe_desc(desc: &dtrace_abi::ProbeDesc) -> ProbeDesc {
    let text = |field: &[u8]| String::from_utf8_lossy(name_bytes(field)).into_owned();
    ProbeDesc {
        id: desc.id,
        provider: text(&desc.provider),
        module: text(&desc.module),
        function: text(&desc.function),
        name: text(&desc.name),
    }
}
