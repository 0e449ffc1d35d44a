//! Programs: what an image asks to be enabled, in the form the framework keeps.

use alloc::vec::Vec;

use dtrace_abi::dof::{self, SECIDX_NONE};
use dtrace_abi::option::OptVal;
use dtrace_abi::{
    DofActDesc, DofDifoHdr, DofEcbDesc, DofOptDesc, DofProbeDesc, Plain, ProbeDesc, action, agg, limit,
    set_name,
};

use super::helper::HelperProvider;
use super::image::{Image, Section};
use super::{DofError, relocation, sections};
use crate::difo::{Difo, Limits, Parts};
use crate::mem::{TryPush, try_filled, try_to_vec};

/// What an image is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A consumer enables it.
    Enable,
    /// A process brings its helper.
    Helper {
        /// Where the object that holds the image is mapped in the process.
        base: u64,
    },
}

/// Which of a program's DIFOs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DifoIndex(pub u32);

/// Everything that one image asks for.
#[derive(Debug, Default)]
pub struct Program {
    /// The DIFOs, each once, however many actions use it.
    pub difos: Vec<Difo>,
    /// What to enable, in the order of the image.
    pub ecbs: Vec<EcbDesc>,
    /// Options and their values, in the order of the image. The option's number and value are the framework's to check.
    pub options: Vec<(u32, OptVal)>,
    /// USDT providers; only a helper's image has any.
    pub providers: Vec<HelperProvider>,
}

/// One clause: probes, predicate, actions.
#[derive(Debug)]
pub struct EcbDesc {
    /// The probes it is for.
    pub probe: ProbeDesc,
    /// The predicate.
    pub predicate: Option<DifoIndex>,
    /// The actions.
    pub actions: Vec<ActionDesc>,
    /// The program's own.
    pub uarg: u64,
}

/// One action.
///
/// An action has the expression it needs: all have one but `stack`, `ustack`, `jstack`, `count`, `stop`, `breakpoint`,
/// `panic` and the two experiments of the port, where it is optional (and of no use). `printf`, `system` and `freopen`
/// have a format.
#[derive(Debug)]
pub struct ActionDesc {
    /// What it is: a number of [`dtrace_abi::action`] or [`dtrace_abi::agg`].
    pub kind: u16,
    /// The expression.
    pub difo: Option<DifoIndex>,
    /// The format string, without its NUL.
    pub format: Option<Vec<u8>>,
    /// For an aggregation, how many of the actions before it are its keys: at least one (the first is the variable), and
    /// none of them an aggregation or an action that records nothing. 0 for everything else.
    pub ntuple: u32,
    /// Its argument. (Where there is a format, this was the format's offset, and has no further meaning.)
    pub arg: u64,
    /// The program's own.
    pub uarg: u64,
}

impl Program {
    /// The DIFO at an index.
    #[must_use]
    pub fn difo(&self, index: DifoIndex) -> Option<&Difo> {
        self.difos.get(index.0 as usize)
    }

    /// Whether an action, or a subroutine in one of the DIFOs, is destructive.
    #[must_use]
    pub fn destructive(&self) -> bool {
        self.difos.iter().any(Difo::destructive)
            || self
                .ecbs
                .iter()
                .flat_map(|ecb| &ecb.actions)
                .any(|action| action::is_destructive(u32::from(action.kind)))
    }

    /// Reads and checks an image. `bytes` must hold at least the bytes the header calls loadable.
    pub fn load(bytes: &[u8], purpose: Purpose, limits: &Limits) -> Result<Program, DofError> {
        let image = Image::parse(bytes)?;
        sections::check_shapes(&image, purpose)?;
        match purpose {
            Purpose::Enable => {
                relocation::for_each(&image, |_| ())?;
                Loader::new(&image, limits)?.load()
            }
            Purpose::Helper { base } => {
                let mut moved = try_to_vec(image.bytes())?;
                relocation::for_each(&image, |at| relocation::add(&mut moved, at, base))?;
                Loader::new(&image.with_bytes(&moved)?, limits)?.load()
            }
        }
    }
}

/// How many bytes may be copied out of one image. Sections that are referred to once fit by far; an image that makes
/// every record point to the same large section does not.
const BUDGET: usize = 4 * limit::DOF_MAXSIZE as usize;

/// Counts what is copied out of an image.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), DofError> {
        self.0 = self.0.checked_sub(bytes).ok_or(DofError::TooMuch)?;
        Ok(())
    }
}

/// No DIFO has been made of this section yet.
const NOT_LOADED: u32 = u32::MAX;

struct Loader<'a> {
    image: &'a Image<'a>,
    limits: &'a Limits,
    program: Program,
    /// For each section, which DIFO was made of it.
    difo_of_section: Vec<u32>,
    actions: usize,
    budget: Budget,
}

impl<'a> Loader<'a> {
    fn new(image: &'a Image<'a>, limits: &'a Limits) -> Result<Loader<'a>, DofError> {
        Ok(Loader {
            image,
            limits,
            program: Program::default(),
            difo_of_section: try_filled(image.sections().len(), NOT_LOADED)?,
            actions: 0,
            budget: Budget(BUDGET),
        })
    }

    fn load(mut self) -> Result<Program, DofError> {
        for section in self.image.sections() {
            match section.kind {
                dof::SECT_ECBDESC => self.ecb(section)?,
                dof::SECT_OPTDESC => self.options(section)?,
                dof::SECT_PROVIDER => {
                    if self.program.providers.len() >= limit::HELPER_PROVIDERS_MAX {
                        return Err(DofError::TooManyProviders);
                    }
                    let provider = HelperProvider::load(self.image, section, &mut self.budget)?;
                    self.program.providers.try_push(provider)?;
                }
                _ => (),
            }
        }
        Ok(self.program)
    }

    // Not inlined, as what it calls: a kernel's stack is small.
    #[inline(never)]
    fn ecb(&mut self, section: &Section) -> Result<(), DofError> {
        let desc: DofEcbDesc = self.image.record(section)?;
        self.empty_ecb(&desc)?;
        let predicate = self.optional_difo(desc.pred)?;
        let actions = match desc.actions {
            SECIDX_NONE => Vec::new(),
            index => self.actions(index)?,
        };
        if let Some(ecb) = self.program.ecbs.last_mut() {
            (ecb.predicate, ecb.actions) = (predicate, actions);
        }
        Ok(())
    }

    /// Adds a clause that does nothing yet.
    #[inline(never)]
    fn empty_ecb(&mut self, desc: &DofEcbDesc) -> Result<(), DofError> {
        let ecb = EcbDesc {
            probe: self.probe(desc.probes)?,
            predicate: None,
            actions: Vec::new(),
            uarg: desc.uarg,
        };
        Ok(self.program.ecbs.try_push(ecb)?)
    }

    #[inline(never)]
    fn probe(&self, index: u32) -> Result<ProbeDesc, DofError> {
        let section = self.image.section(index, dof::SECT_PROBEDESC)?;
        let desc: DofProbeDesc = self.image.record(section)?;
        let mut probe = ProbeDesc { id: desc.id, ..ProbeDesc::zeroed() };
        let fields: [(&mut [u8], u32); 4] = [
            (&mut probe.provider, desc.provider),
            (&mut probe.module, desc.module),
            (&mut probe.function, desc.function),
            (&mut probe.name, desc.name),
        ];
        for (field, offset) in fields {
            if !set_name(field, self.image.string(desc.strtab, u64::from(offset))?) {
                return Err(DofError::Name { section: index });
            }
        }
        Ok(probe)
    }

    #[inline(never)]
    fn actions(&mut self, index: u32) -> Result<Vec<ActionDesc>, DofError> {
        let section = self.image.section(index, dof::SECT_ACTDESC)?;
        let mut actions = Vec::new();
        for (entry, bytes) in (0u32..).zip(self.image.entries(section)?) {
            self.actions += 1;
            if self.actions > limit::ACTIONS_MAX {
                return Err(DofError::TooManyActions);
            }
            let at = Place { section: index, entry };
            let desc = DofActDesc::from_bytes(bytes).ok_or(DofError::Shape { section: index })?;
            let action = self.action(at, &desc, &actions)?;
            actions.try_push(action)?;
        }
        Ok(actions)
    }

    fn action(
        &mut self,
        at: Place,
        desc: &DofActDesc,
        before: &[ActionDesc],
    ) -> Result<ActionDesc, DofError> {
        let Place { section, entry } = at;
        let needs = Needs::of(desc.kind).ok_or(DofError::ActionKind { section, entry, kind: desc.kind })?;
        let difo = self.optional_difo(desc.difo)?;
        if (needs.difo && difo.is_none()) || (needs.format && desc.strtab == SECIDX_NONE) {
            return Err(DofError::ActionIncomplete { section, entry });
        }
        let format = match desc.strtab {
            SECIDX_NONE => None,
            strtab => {
                let text = self.image.string(strtab, desc.arg)?;
                self.budget.take(text.len())?;
                Some(try_to_vec(text)?)
            }
        };
        let mut ntuple = 0;
        if action::is_aggregation(desc.kind) {
            ntuple = desc.ntuple;
            let keys = (before.len() as u64)
                .checked_sub(u64::from(ntuple))
                .and_then(|first| before.get(first as usize..))
                .filter(|keys| !keys.is_empty())
                .ok_or(DofError::Tuple { section, entry })?;
            if !keys.iter().all(|key| records_data(u32::from(key.kind))) {
                return Err(DofError::Tuple { section, entry });
            }
            if !aggregation_argument_is_sound(desc.kind, desc.arg) {
                return Err(DofError::ActionArgument { section, entry });
            }
        }
        Ok(ActionDesc { kind: desc.kind as u16, difo, format, ntuple, arg: desc.arg, uarg: desc.uarg })
    }

    #[inline(never)]
    fn optional_difo(&mut self, index: u32) -> Result<Option<DifoIndex>, DofError> {
        if index == SECIDX_NONE {
            return Ok(None);
        }
        let section = self.image.section(index, dof::SECT_DIFOHDR)?;
        match self.difo_of_section.get(index as usize) {
            Some(&NOT_LOADED) | None => (),
            Some(&known) => return Ok(Some(DifoIndex(known))),
        }
        let parts = self.difo_parts(section, index)?;
        let difo =
            Difo::verify(parts, self.limits).map_err(|error| DofError::Verify { section: index, error })?;
        let number = self.program.difos.len() as u32;
        self.program.difos.try_push(difo)?;
        if let Some(slot) = self.difo_of_section.get_mut(index as usize) {
            *slot = number;
        }
        Ok(Some(DifoIndex(number)))
    }

    #[inline(never)]
    fn difo_parts(&mut self, section: &Section, index: u32) -> Result<Parts, DofError> {
        let header: DofDifoHdr = self.image.record(section)?;
        let links = self.image.contents(section).get(DofDifoHdr::HEADER..).unwrap_or_default();
        let mut text = None;
        let mut ints = None;
        let mut strings = None;
        let mut vars = None;
        let mut translators = None;
        for link in links.chunks_exact(size_of::<u32>()) {
            let link = u32::from_bytes(link).unwrap_or(SECIDX_NONE);
            let part = self.image.loadable(link).ok_or(DofError::Difo { section: index })?;
            let slot = match part.kind {
                dof::SECT_DIF => &mut text,
                dof::SECT_INTTAB => &mut ints,
                dof::SECT_STRTAB => &mut strings,
                dof::SECT_VARTAB => &mut vars,
                // Uses of translators are resolved by the compiler; the instructions that would refer to this table are
                // refused by verification.
                dof::SECT_XLTAB => &mut translators,
                _ => return Err(DofError::Difo { section: index }),
            };
            if slot.replace(part).is_some() {
                return Err(DofError::Difo { section: index });
            }
        }
        let text = text.ok_or(DofError::Difo { section: index })?;
        Ok(Parts {
            text: self.table(Some(text))?,
            ints: self.table(ints)?,
            strings: self.table(strings)?,
            vars: self.table(vars)?,
            rtype: header.rtype,
        })
    }

    /// The entries of a part of a DIFO. (A string table has entries of one byte.)
    fn table<T: Plain>(&mut self, section: Option<&Section>) -> Result<Vec<T>, DofError> {
        let mut table = Vec::new();
        let Some(section) = section else { return Ok(table) };
        self.budget.take(section.size)?;
        let stride = if section.kind == dof::SECT_STRTAB { 1 } else { section.entsize as usize };
        let contents = self.image.contents(section);
        let count = contents.len().checked_div(stride).unwrap_or(0);
        table.try_reserve_exact(count).map_err(|_| DofError::OutOfMemory)?;
        for entry in contents.chunks_exact(stride.max(1)) {
            let value = T::from_bytes(entry).ok_or(DofError::Shape { section: section.index })?;
            table.try_push(value)?;
        }
        Ok(table)
    }

    #[inline(never)]
    fn options(&mut self, section: &Section) -> Result<(), DofError> {
        for (entry, bytes) in (0u32..).zip(self.image.entries(section)?) {
            let bad = DofError::Option { section: section.index, entry };
            let desc = DofOptDesc::from_bytes(bytes).ok_or(bad)?;
            let value = desc.value as OptVal;
            if desc.strtab != SECIDX_NONE || value == dtrace_abi::option::UNSET {
                return Err(bad);
            }
            self.program.options.try_push((desc.option, value))?;
        }
        Ok(())
    }
}

/// An entry of a section.
#[derive(Clone, Copy)]
struct Place {
    section: u32,
    entry: u32,
}

/// What an action cannot do without.
struct Needs {
    difo: bool,
    format: bool,
}

impl Needs {
    /// The needs of a kind of action, if there is such a kind.
    fn of(kind: u32) -> Option<Needs> {
        use action as a;
        let needs = |difo, format| Some(Needs { difo, format });
        match kind {
            a::DIFEXPR | a::EXIT | a::PRINTA | a::LIBACT | a::TRACEMEM | a::TRACEMEM_DYNSIZE => {
                needs(true, false)
            }
            a::PRINTF | a::SYSTEM | a::FREOPEN => needs(true, true),
            a::USYM | a::UMOD | a::UADDR | a::SYM | a::MOD => needs(true, false),
            a::USTACK | a::JSTACK | a::STACK | a::TEST1 | a::TEST2 => needs(false, false),
            a::STOP | a::BREAKPOINT | a::PANIC => needs(false, false),
            a::RAISE | a::CHILL | a::SPECULATE | a::COMMIT | a::DISCARD => needs(true, false),
            agg::COUNT => needs(false, false),
            agg::MIN | agg::MAX | agg::AVG | agg::SUM | agg::STDDEV => needs(true, false),
            agg::QUANTIZE | agg::LQUANTIZE | agg::LLQUANTIZE => needs(true, false),
            _ => None,
        }
    }
}

/// Whether an action records something that can be a key.
fn records_data(kind: u32) -> bool {
    use action as a;
    matches!(
        kind,
        a::DIFEXPR | a::USTACK | a::JSTACK | a::STACK | a::USYM | a::UMOD | a::UADDR | a::SYM | a::MOD
    )
}

/// Whether the packed argument of a distribution describes one (contract 2.5).
fn aggregation_argument_is_sound(kind: u32, arg: u64) -> bool {
    match kind {
        agg::LQUANTIZE => {
            let arg = agg::LquantizeArg::unpack(arg);
            arg.step != 0 && arg.levels != 0
        }
        agg::LLQUANTIZE => crate::aggregation::LogLinear::new(agg::LlquantizeArg::unpack(arg)).is_some(),
        _ => true,
    }
}
