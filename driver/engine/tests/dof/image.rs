//! A builder of DOF images, sound ones and others.

use dtrace_abi::dif::*;
use dtrace_abi::dof::*;
use dtrace_abi::{
    DifType, DifVar, DofActDesc, DofEcbDesc, DofHdr, DofOptDesc, DofProbe, DofProbeDesc, DofProvider,
    DofReloDesc, DofReloHdr, DofSec, DofXlMember, DofXlRef, DofXlator, Instr, Plain, action, agg,
};

/// An integer of eight bytes.
pub(crate) const INT: DifType = DifType { kind: TYPE_CTF, ckind: 1, flags: 0, pad: 0, size: 8 };
/// A string.
pub(crate) const STRING: DifType =
    DifType { kind: TYPE_STRING, ckind: 0, flags: TF_BYREF, pad: 0, size: 256 };

/// A section that is not yet placed.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) header: DofSec,
    pub(crate) data: Vec<u8>,
}

/// An image under construction.
#[derive(Clone, Debug)]
pub(crate) struct Builder {
    pub(crate) header: DofHdr,
    pub(crate) parts: Vec<Part>,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let mut header = DofHdr::zeroed();
        header.ident[..10].copy_from_slice(&[0x7f, b'D', b'O', b'F', 2, 1, 2, 2, 8, 8]);
        header.hdrsize = size_of::<DofHdr>() as u32;
        header.secsize = size_of::<DofSec>() as u32;
        Builder { header, parts: Vec::new() }
    }

    /// Appends a section and answers its index.
    pub(crate) fn section(&mut self, kind: u32, align: u32, entsize: u32, data: Vec<u8>) -> u32 {
        let header = DofSec { kind, align, flags: SECF_LOAD, entsize, offset: 0, size: data.len() as u64 };
        self.parts.push(Part { header, data });
        self.parts.len() as u32 - 1
    }

    /// Appends a section of one record.
    pub(crate) fn record<T: Plain>(&mut self, kind: u32, align: u32, record: T) -> u32 {
        self.section(kind, align, 0, record.as_bytes().to_vec())
    }

    /// Appends a section of entries.
    pub(crate) fn table<T: Plain>(&mut self, kind: u32, align: u32, entries: &[T]) -> u32 {
        let data = entries.iter().flat_map(|entry| entry.as_bytes().to_vec()).collect();
        self.section(kind, align, size_of::<T>() as u32, data)
    }

    /// Appends a string table; its text has its NULs.
    pub(crate) fn strings(&mut self, text: &str) -> u32 {
        self.section(SECT_STRTAB, 1, 0, text.as_bytes().to_vec())
    }

    /// Appends a DIFO of these sections.
    pub(crate) fn difo_of(&mut self, rtype: DifType, links: &[u32]) -> u32 {
        let mut data = rtype.as_bytes().to_vec();
        data.extend(links.iter().flat_map(|link| link.to_ne_bytes()));
        self.section(SECT_DIFOHDR, 4, 0, data)
    }

    /// Appends a DIFO and its sections.
    pub(crate) fn difo(
        &mut self,
        text: &[Instr],
        ints: &[u64],
        strings: &str,
        vars: &[DifVar],
        rtype: DifType,
    ) -> u32 {
        let mut links = vec![self.table(SECT_DIF, 4, text)];
        if !ints.is_empty() {
            links.push(self.table(SECT_INTTAB, 8, ints));
        }
        if !strings.is_empty() {
            links.push(self.strings(strings));
        }
        if !vars.is_empty() {
            links.push(self.table(SECT_VARTAB, 4, vars));
        }
        self.difo_of(rtype, &links)
    }

    /// Appends a DIFO that answers a number.
    pub(crate) fn constant(&mut self, value: u64) -> u32 {
        self.difo(&[Instr::indexed(OP_SETX, 0, 1), ret(1)], &[value], "", &[], INT)
    }

    /// Appends a probe description with its string table.
    pub(crate) fn probe(&mut self, names: [&str; 4]) -> u32 {
        let mut text = vec![0];
        let offsets = names.map(|name| {
            let at = text.len() as u32;
            text.extend_from_slice(name.as_bytes());
            text.push(0);
            at
        });
        let strtab = self.section(SECT_STRTAB, 1, 0, text);
        let [provider, module, function, name] = offsets;
        self.record(SECT_PROBEDESC, 4, DofProbeDesc { strtab, provider, module, function, name, id: 0 })
    }

    /// Appends a clause.
    pub(crate) fn ecb(&mut self, probes: u32, pred: u32, actions: u32) -> u32 {
        self.record(SECT_ECBDESC, 8, DofEcbDesc { probes, pred, actions, pad: 0, uarg: 0x77 })
    }

    /// The section at an index.
    pub(crate) fn part(&mut self, index: u32) -> &mut Part {
        &mut self.parts[index as usize]
    }

    /// The first section of a type.
    pub(crate) fn first(&mut self, kind: u32) -> &mut Part {
        self.parts.iter_mut().find(|part| part.header.kind == kind).unwrap()
    }

    /// Lays the sections out, each aligned as it says.
    pub(crate) fn build(&self) -> Vec<u8> {
        self.build_with(|_, _| ())
    }

    /// Lays the sections out, and lets `touch` change header and section headers before they are written.
    pub(crate) fn build_with(&self, touch: impl FnOnce(&mut DofHdr, &mut [DofSec])) -> Vec<u8> {
        let mut header = self.header;
        let mut sections: Vec<DofSec> = self.parts.iter().map(|part| part.header).collect();
        header.secnum = sections.len() as u32;
        header.secoff = size_of::<DofHdr>() as u64;
        let mut end = header.secoff + u64::from(header.secsize) * u64::from(header.secnum);
        for section in &mut sections {
            section.offset = end.next_multiple_of(u64::from(section.align.clamp(1, 64)));
            end = section.offset + section.size;
        }
        header.loadsz = end;
        header.filesz = end;
        let places: Vec<u64> = sections.iter().map(|section| section.offset).collect();
        touch(&mut header, &mut sections);
        let mut image = header.as_bytes().to_vec();
        for section in &sections {
            image.extend_from_slice(section.as_bytes());
            image.resize(image.len() + self.header.secsize as usize - size_of::<DofSec>(), 0);
        }
        for (part, place) in self.parts.iter().zip(places) {
            image.resize(image.len().max(place as usize), 0);
            image.extend_from_slice(&part.data);
        }
        image
    }
}

/// `ret`.
pub(crate) fn ret(register: u8) -> Instr {
    Instr::new(OP_RET, 0, 0, register)
}

/// A variable of eight bytes.
pub(crate) fn var(id: u32, kind: u8, scope: u8) -> DifVar {
    DifVar { name: 0, id, kind, scope, flags: DIFV_F_REF, ty: INT }
}

/// An action without anything.
pub(crate) fn act(kind: u32, difo: u32) -> DofActDesc {
    DofActDesc { difo, strtab: SECIDX_NONE, kind, ntuple: 0, arg: 0, uarg: 0x99 }
}

/// A program to enable, with a section of every type such an image may have:
/// `syscall::read:entry /self->x/ { printf("%d", self->x); @[execname] = quantize(arg0); }` and an option.
pub(crate) fn program() -> Builder {
    let mut b = Builder::new();
    let probe = b.probe(["syscall", "", "read", "entry"]);
    let own = [var(0x500, DIFV_KIND_SCALAR, DIFV_SCOPE_THREAD)];
    let predicate = b.difo(&[Instr::indexed(OP_LDTS, 0x500, 1), ret(1)], &[], "\0x\0", &own, INT);
    let name = [DifVar { ty: STRING, ..var(VAR_EXECNAME, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL) }];
    let execname =
        b.difo(&[Instr::indexed(OP_LDGS, VAR_EXECNAME as u16, 1), ret(1)], &[], "\0", &name, STRING);
    let variable = b.constant(1);
    let arg = [var(VAR_ARG0, DIFV_KIND_SCALAR, DIFV_SCOPE_GLOBAL)];
    let arg0 = b.difo(&[Instr::indexed(OP_LDGS, VAR_ARG0 as u16, 1), ret(1)], &[], "\0arg0\0", &arg, INT);
    let formats = b.strings("\0%d\n\0");
    let actions = b.table(
        SECT_ACTDESC,
        8,
        &[
            DofActDesc { strtab: formats, arg: 1, ..act(action::PRINTF, predicate) },
            act(action::DIFEXPR, variable),
            act(action::DIFEXPR, execname),
            DofActDesc { ntuple: 2, ..act(agg::QUANTIZE, arg0) },
        ],
    );
    b.ecb(probe, predicate, actions);
    b.table(SECT_OPTDESC, 8, &[DofOptDesc { option: 6, strtab: SECIDX_NONE, value: 512 }]);
    let relocations =
        b.table(SECT_RELTAB, 8, &[DofReloDesc { name: 0, kind: RELO_SETX, offset: 0, data: 0 }]);
    let target = b.table(SECT_INTTAB, 8, &[7u64]);
    b.record(SECT_KRELHDR, 4, DofReloHdr { strtab: formats, relsec: relocations, tgtsec: target });
    b.table(SECT_XLTAB, 4, &[DofXlRef::zeroed()]);
    b.table(SECT_XLMEMBERS, 4, &[DofXlMember::zeroed()]);
    b.record(SECT_XLIMPORT, 4, DofXlator::zeroed());
    b.record(SECT_XLEXPORT, 4, DofXlator::zeroed());
    b.section(SECT_TYPTAB, 1, 0, vec![1, 2, 3]);
    b.section(SECT_PREXPORT, 1, 0, vec![4]);
    let comments = b.section(SECT_COMMENTS, 1, 0, b"for people".to_vec());
    b.part(comments).header.flags = 0;
    b
}

/// A helper: a provider `web` with a probe `request` at 0x10 and 0x20, asked for at 0x30, and a helper action.
pub(crate) fn helper() -> Builder {
    let mut b = Builder::new();
    let strtab = b.strings("\0web\0main\0request\0int\0char *\0string\0");
    let probe = DofProbe {
        addr: 0x1000,
        function: 5,
        name: 10,
        nargv: 18,
        xargv: 29,
        argidx: 1,
        offidx: 1,
        nargc: 2,
        xargc: 1,
        noffs: 2,
        enoffidx: 0,
        nenoffs: 1,
        pad1: 0,
        pad2: 0,
    };
    let probes = b.table(SECT_PROBES, 8, &[probe]);
    let prargs = b.table(SECT_PRARGS, 1, &[9u8, 1]);
    let proffs = b.table(SECT_PROFFS, 4, &[9u32, 0x10, 0x20]);
    let prenoffs = b.table(SECT_PRENOFFS, 4, &[0x30u32]);
    let attr = 0x0505_0100;
    b.record(
        SECT_PROVIDER,
        4,
        DofProvider {
            strtab,
            probes,
            prargs,
            proffs,
            name: 1,
            provattr: attr,
            modattr: attr,
            funcattr: attr,
            nameattr: attr,
            argsattr: attr,
            prenoffs,
        },
    );
    let relocations =
        b.table(SECT_RELTAB, 8, &[DofReloDesc { name: 0, kind: RELO_SETX, offset: 0, data: 0 }]);
    b.record(SECT_URELHDR, 4, DofReloHdr { strtab, relsec: relocations, tgtsec: probes });
    let ustack = b.probe(["dtrace", "", "helper", "ustack"]);
    let difo = b.difo(&[Instr::indexed(OP_SETS, 1, 1), ret(1)], &[], "\0frame\0", &[], STRING);
    let actions = b.table(SECT_ACTDESC, 8, &[act(action::DIFEXPR, difo)]);
    b.ecb(ustack, SECIDX_NONE, actions);
    b
}
