//! What clients of the C interface ask of a handle beside compiling and tracing: descriptions as text, images, types by name,
//! processes one by one.

use std::ffi::{OsStr, OsString};
use std::rc::Rc;

use super::Handle;
use super::environment::World;
use crate::consume::aggregate::Aggregates;
use crate::consume::describe::Enabled;
use crate::consume::{Observer, State};
use crate::d::check;
use crate::d::macros::Macros;
use crate::d::parser::SpecKind;
use crate::device::{NoDevice, Requests};
use crate::dof;
use crate::error::{Diagnostic, Error, Result, Tag};
use crate::options::consumer;
use crate::proc::{Process, ProcessError};
use crate::program::{Aggregation, ProbeDesc, Program};
use crate::symbols::{Resolver, Symbolizer, Symbols};
use crate::types::TypeId;

/// Where the names of providers are, on systems that have such a directory.
const PROVIDERS: &str = "/dev/dtrace/provider";

impl Handle {
    /// Opens no device: programs can be compiled and nothing can be enabled.
    pub fn without_device() -> Result<Handle> {
        Self::with_device(Box::new(NoDevice))
    }

    /// Leaves the kernel's symbols alone: no kernel address has a name.
    pub fn forget_kernel_symbols(&mut self) {
        self.symbols = Symbols::without_kernel();
    }

    /// Lets somebody else tell what the kernel's addresses are called.
    pub fn set_resolver(&mut self, resolver: Resolver) {
        self.symbols.set_resolver(resolver);
    }

    /// Takes note that the kernel's modules may have changed.
    pub fn refresh(&mut self) {
        self.symbols.refresh();
    }

    /// The symbols.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// Names for addresses.
    pub fn symbolizer(&self) -> &dyn Symbolizer {
        self.symbols.set_demangle(self.options.is_on(consumer::DEMANGLE));
        &self.symbols
    }

    /// Sets an option while the handle is in use: only what may change while tracing is active.
    pub fn set_active_option(&self, name: &str, value: Option<&str>) -> Result<()> {
        self.options.set_active(name, value)
    }

    /// Reads a probe description. `arguments` are what `$0`, `$1` … stand for.
    pub fn describe(&self, text: &str, spec: SpecKind, arguments: &[OsString]) -> Result<ProbeDesc> {
        let macros = Macros::new(arguments.to_vec()).with_process(&self.process_ids());
        check::parse_description(text, spec, &macros)
    }

    /// Compiles the name of a type.
    pub fn compile_type(&mut self, text: &[u8]) -> Result<TypeId> {
        let mut world = World {
            requests: Requests::new(&*self.device),
            options: &mut self.options,
            types: &self.types,
            symbols: &self.symbols,
            libraries: &self.libraries.loaded,
            library: true,
        };
        check::compile_type(text, &self.types, &self.identifiers, &mut world)
    }

    /// Numbers the statements of a program that was not compiled here, so that its records are known.
    pub fn adopt(&mut self, program: &mut Program) {
        self.statements.adopt(program);
    }

    /// The aggregation of this number.
    pub fn aggregation(&self, number: u32) -> Option<&Rc<Aggregation>> {
        self.aggregations.get(number)
    }

    /// The image of the options that are set.
    pub fn options_image(&self) -> Vec<u8> {
        dof::options_image(self.options.set_values())
    }

    /// The image of the library's own ERROR program.
    pub fn error_image(&mut self) -> Vec<u8> {
        let mut program = dof::error_program();
        self.statements.adopt(&mut program);
        dof::program_image(&program)
    }

    /// The names of the providers that the system has a directory of; none where it has none.
    pub fn provider_modules(&self) -> Vec<String> {
        let entries = std::fs::read_dir(PROVIDERS).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// How tracing stands; none before it has begun.
    pub fn status(&self, observer: &mut dyn Observer) -> Result<Option<State>> {
        match &self.session {
            Some(session) => session.status(&self.context(), observer).map(Some),
            None => Ok(None),
        }
    }

    /// The enabled probe with this id.
    pub fn enabled(&self, epid: u32) -> Result<Rc<Enabled>> {
        self.with_session(|session, context| session.enabled(context, epid))
    }

    /// Clears all aggregations.
    pub fn clear_aggregations(&self) {
        if let Some(mut aggregates) = self.aggregates() {
            Aggregates::clear_all(&mut aggregates);
        }
    }

    /// Starts a program with these words, held before its first instruction: its id.
    pub fn create_program(
        &mut self,
        program: &OsStr,
        words: &[OsString],
    ) -> std::result::Result<u32, ProcessError> {
        let process =
            Process::create_program(program, words, &self.options.compile.environment, self.tracer())?;
        let pid = process.pid();
        self.processes.push(process);
        Ok(pid)
    }

    /// The process with this id, if it is held.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid() == pid)
    }

    /// Lets go of a process. One that was created and never resumed is killed.
    pub fn release_process(&mut self, pid: u32) {
        self.processes.retain(|process| process.pid() != pid);
    }

    /// The number of an option, by its name.
    pub fn option(&self, name: &str) -> Result<i64> {
        self.options.by_name(name)
    }
}

/// To clients it is a fault in the program that wanted the process, in words of its own.
impl From<ProcessError> for Error {
    fn from(error: ProcessError) -> Self {
        let tag = match error {
            ProcessError::Grab(..) => Tag::ProcGrab,
            ProcessError::Empty | ProcessError::Nul | ProcessError::Execute(..) => Tag::ProcCreatefail,
        };
        Error::Compile(Box::new(Diagnostic::new(tag, error.to_string())))
    }
}
