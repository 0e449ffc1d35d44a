//! Reads a DOF image back, as far as the tests compare: control blocks, actions and objects.

use dtrace_abi::Plain;
use dtrace_abi::dif::{self, DIFV_F_MOD, DIFV_F_REF, DIFV_KIND_ARRAY};
use dtrace_abi::dof::{self, DofActDesc, DofEcbDesc, DofHdr, DofProbeDesc, DofSec, SECIDX_NONE};

use crate::program::{DifType, DifVar, Difo, ProbeDesc, VarScope};

/// A control block of an image.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) probe: ProbeDesc,
    pub(super) predicate: Option<Difo>,
    pub(super) actions: Vec<Act>,
    pub(super) uarg: u64,
}

/// An action of an image.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) kind: u32,
    pub(super) ntuple: u32,
    pub(super) arg: u64,
    pub(super) format: Option<String>,
    pub(super) difo: Option<Difo>,
    pub(super) uarg: u64,
}

struct Reader<'a> {
    data: &'a [u8],
    sections: Vec<DofSec>,
}

/// The control blocks of an image.
pub(super) fn read(data: &[u8]) -> Vec<Block> {
    let header = DofHdr::from_bytes(data).unwrap();
    assert_eq!(header.ident[..4], *b"\x7fDOF");
    assert_eq!(header.loadsz, data.len() as u64);
    let at = |i: usize| header.secoff as usize + i * header.secsize as usize;
    let sections = (0..header.secnum as usize).map(|i| DofSec::from_bytes(&data[at(i)..]).unwrap()).collect();
    let reader = Reader { data, sections };
    let ecbs = reader.sections.iter().filter(|s| s.kind == dof::SECT_ECBDESC);
    ecbs.map(|s| reader.block(&DofEcbDesc::from_bytes(reader.bytes(s)).unwrap())).collect()
}

impl Reader<'_> {
    fn bytes(&self, s: &DofSec) -> &[u8] {
        &self.data[s.offset as usize..(s.offset + s.size) as usize]
    }

    fn section(&self, index: u32, kind: u32) -> &[u8] {
        let s = &self.sections[index as usize];
        assert_eq!(s.kind, kind);
        self.bytes(s)
    }

    fn string(&self, table: u32, at: u64) -> String {
        let bytes = &self.section(table, dof::SECT_STRTAB)[at as usize..];
        String::from_utf8(bytes.iter().copied().take_while(|&b| b != 0).collect()).unwrap()
    }

    fn block(&self, ecb: &DofEcbDesc) -> Block {
        let p = DofProbeDesc::from_bytes(self.section(ecb.probes, dof::SECT_PROBEDESC)).unwrap();
        let part = |at: u32| self.string(p.strtab, u64::from(at));
        let probe = ProbeDesc {
            id: p.id,
            provider: part(p.provider),
            module: part(p.module),
            function: part(p.function),
            name: part(p.name),
        };
        let actions = if ecb.actions == SECIDX_NONE {
            Vec::new()
        } else {
            let all = self.section(ecb.actions, dof::SECT_ACTDESC);
            all.chunks(size_of::<DofActDesc>())
                .map(|c| self.act(&DofActDesc::from_bytes(c).unwrap()))
                .collect()
        };
        Block { probe, predicate: self.difo(ecb.pred), actions, uarg: ecb.uarg }
    }

    fn act(&self, a: &DofActDesc) -> Act {
        let format = (a.strtab != SECIDX_NONE).then(|| self.string(a.strtab, a.arg));
        Act {
            kind: a.kind,
            ntuple: a.ntuple,
            arg: if format.is_some() { 0 } else { a.arg },
            format,
            difo: self.difo(a.difo),
            uarg: a.uarg,
        }
    }

    fn difo(&self, index: u32) -> Option<Difo> {
        if index == SECIDX_NONE {
            return None;
        }
        let bytes = self.section(index, dof::SECT_DIFOHDR);
        let mut difo = Difo {
            text: Vec::new(),
            ints: Vec::new(),
            strings: Vec::new(),
            vars: Vec::new(),
            rtype: dif_type(&dif::DifType::from_bytes(bytes).unwrap()),
            destructive: false,
        };
        let mut vars = Vec::new();
        for link in bytes[8..].chunks(4) {
            let s = &self.sections[u32::from_le_bytes(link.try_into().unwrap()) as usize];
            let bytes = self.bytes(s);
            match s.kind {
                dof::SECT_DIF => {
                    difo.text = bytes.chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect();
                }
                dof::SECT_INTTAB => {
                    difo.ints = bytes.chunks(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
                }
                dof::SECT_STRTAB => difo.strings = bytes.to_vec(),
                dof::SECT_VARTAB => {
                    vars = bytes.chunks(20).map(|c| dif::DifVar::from_bytes(c).unwrap()).collect();
                }
                other => panic!("a section of type {other} in an object"),
            }
        }
        for v in vars {
            let name = difo.strings[v.name as usize..].iter().copied().take_while(|&b| b != 0).collect();
            difo.vars.push(DifVar {
                name: String::from_utf8(name).unwrap().into(),
                name_at: v.name,
                id: v.id,
                array: v.kind == DIFV_KIND_ARRAY,
                scope: match v.scope {
                    dif::DIFV_SCOPE_GLOBAL => VarScope::Global,
                    dif::DIFV_SCOPE_THREAD => VarScope::Thread,
                    _ => VarScope::Local,
                },
                referenced: v.flags & DIFV_F_REF != 0,
                modified: v.flags & DIFV_F_MOD != 0,
                ty: dif_type(&v.ty),
            });
        }
        Some(difo)
    }
}

fn dif_type(ty: &dif::DifType) -> DifType {
    DifType {
        string: ty.kind == dif::TYPE_STRING,
        ctf_kind: ty.ckind,
        by_ref: ty.flags & dif::TF_BYREF != 0,
        size: ty.size,
    }
}
