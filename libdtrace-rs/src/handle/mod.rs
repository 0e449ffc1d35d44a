//! The handle: everything that one user of the library has open (`dtrace_hdl_t`).
//!
//! A handle holds the device, the options, the types, the symbols, and what programs have defined so far: variables, inlines,
//! aggregations and statements live across the programs of a handle. The order of use is: open, set options, compile
//! programs, enable them, [`Handle::go`], then [`Handle::work`] until it is done.
//!
//! A handle belongs to one thread. Dropping it closes the device, which removes its probes.

mod client;
mod environment;
mod headers;
mod library;
mod link;
mod preprocess;
mod probes;
mod wait;

use std::cell::RefMut;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use dtrace_abi::{Conf, limit, option};

use crate::consume::aggregate::Aggregates;
use crate::consume::describe::Statements;
use crate::consume::output::Output;
use crate::consume::{Context, Observer, Progress, Session};
use crate::d::check::{self, Identifiers};
use crate::d::excerpt::excerpt;
use crate::d::macros::Macros;
use crate::d::parser::SpecKind;
use crate::d::typed::Provider;
use crate::device::{self, Device, Requests};
use crate::error::{Code, Diagnostic, Error, Result};
use crate::options::{Options, Setter, consumer};
use crate::proc::{Process, ProcessError, Tracer};
use crate::program::{Aggregations, Attribute, ProbeDesc, Program};
use crate::symbols::Symbols;
use crate::types::{Container, Types, ctf_data};
use crate::{codegen, dif, dof, header};

use environment::World;
use library::Libraries;
pub use probes::ProbeInfo;

/// An open library.
pub struct Handle {
    device: Box<dyn Device>,
    conf: Conf,
    options: Options,
    types: Types,
    symbols: Symbols,
    identifiers: Identifiers,
    aggregations: Aggregations,
    statements: Statements,
    /// What is known of the statements of others.
    no_statements: Statements,
    session: Option<Session>,
    /// Whether the library's own ERROR program has been enabled: it stays when the start fails.
    watches_errors: bool,
    processes: Vec<Process>,
    libraries: Libraries,
    /// What the last [`Handle::link`] found in its objects.
    linked: Vec<dof::UsdtProvider>,
}

/// What a program asks of the consumer (`dtrace_proginfo_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// The least stability of its probe descriptions.
    pub descriptions: Attribute,
    /// The least stability of its statements.
    pub statements: Attribute,
    /// How many aggregations it feeds.
    pub aggregates: u32,
    /// How many of its actions record data.
    pub records: u32,
    /// How many probes it matched when it was enabled.
    pub matches: u32,
    /// How many of its actions speculate.
    pub speculations: u32,
}

impl Handle {
    /// Opens the device that the environment asks for.
    pub fn open() -> Result<Handle> {
        Self::with_device(device::open()?)
    }

    /// Opens a device of the caller's.
    pub fn with_device(device: Box<dyn Device>) -> Result<Handle> {
        let conf = Requests::new(&*device).conf().map_err(Error::Sys)?;
        if conf.difversion < dtrace_abi::dif::VERSION {
            return Err(Code::DifVersion.into());
        }
        let mut options = Options::default();
        options.compile.debug = std::env::var_os("DTRACE_DEBUG").is_some();
        Ok(Handle {
            device,
            conf,
            options,
            types: Types::new(),
            symbols: Symbols::new(),
            identifiers: Identifiers::default(),
            aggregations: Aggregations::default(),
            statements: Statements::default(),
            no_statements: Statements::default(),
            session: None,
            watches_errors: false,
            processes: Vec::new(),
            libraries: Libraries::default(),
            linked: Vec::new(),
        })
    }

    /// What the driver says it is.
    pub fn conf(&self) -> &Conf {
        &self.conf
    }

    /// The device.
    pub fn device(&self) -> &dyn Device {
        &*self.device
    }

    fn requests(&self) -> Requests<'_> {
        Requests::new(&*self.device)
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The options, to be changed directly.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Sets an option by its name.
    pub fn set_option(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let active = self.session.as_ref().is_some_and(|s| !s.is_stopped());
        self.options.set(name, value, Setter::Client { active })
    }

    /// The types.
    pub fn types(&self) -> &Types {
        &self.types
    }

    /// Says what the library does, if somebody wants to know.
    fn debug(&self, text: std::fmt::Arguments<'_>) {
        if self.options.compile.debug {
            eprintln!("libdtrace DEBUG: {text}");
        }
    }

    /// Writes the files of types that were asked for.
    fn write_types(&self) -> std::io::Result<()> {
        let files = [
            (&self.options.compile.ctypes, Container::C, "C"),
            (&self.options.compile.dtypes, Container::D, "D"),
        ];
        for (path, container, label) in files {
            if let Some(path) = path {
                std::fs::write(path, ctf_data(&self.types, &self.types.named_in(container), &[], label))?;
            }
        }
        Ok(())
    }

    /// Compiles a text. `arguments` are what `$0`, `$1` … stand for.
    pub fn compile_string(
        &mut self,
        text: impl AsRef<[u8]>,
        spec: SpecKind,
        arguments: &[OsString],
    ) -> Result<Program> {
        let text = text.as_ref();
        let result = self.compile(text, spec, arguments);
        result.map_err(|error| if spec == SpecKind::None { error } else { placed(error) })
    }

    /// Compiles the program in a file, run through the preprocessor if the options ask for it.
    pub fn compile_file(&mut self, path: &Path, arguments: &[OsString]) -> Result<Program> {
        let mut text = Vec::new();
        std::fs::File::open(path)?.read_to_end(&mut text).map_err(|_| Code::FileIo)?;
        self.compile_script(&text, arguments)
    }

    /// Compiles the text of a script, run through the preprocessor if the options ask for it.
    pub fn compile_script(&mut self, text: &[u8], arguments: &[OsString]) -> Result<Program> {
        if self.options.compile.cpp {
            let text = preprocess::run(text, &self.options.compile)?;
            return self.compile(&text, SpecKind::None, arguments);
        }
        self.compile(text, SpecKind::None, arguments)
    }

    fn compile(&mut self, text: &[u8], spec: SpecKind, arguments: &[OsString]) -> Result<Program> {
        // What an argument names may be a library's too.
        let texts: Vec<&[u8]> =
            std::iter::once(text).chain(arguments.iter().map(|word| word.as_bytes())).collect();
        self.load_libraries(&texts);
        let compile = &self.options.compile;
        let options = check::Options {
            spec,
            allow_zero_matches: compile.zdefs,
            allow_empty: compile.empty,
            allow_unused_args: compile.argref,
            minimum: compile.amin,
        };
        let allow_missing = compile.defaultargs;
        let macros =
            Macros::new(arguments.to_vec()).with_process(&self.process_ids()).allow_missing(allow_missing);
        let mut identifiers = self.identifiers.clone();
        let mut world = World {
            requests: Requests::new(&*self.device),
            options: &mut self.options,
            types: &self.types,
            symbols: &self.symbols,
            libraries: &self.libraries.loaded,
            library: false,
        };
        let checked = check::compile(text, options, &macros, &self.types, &mut identifiers, &mut world);
        let checked = checked.map_err(|error| self.with_excerpt(error, text, &macros))?;
        let mut context = codegen::Context {
            types: &self.types,
            strsize: string_size(&self.options),
            aggregations: &mut self.aggregations,
            fresh_local: &mut || identifiers.fresh_local(),
        };
        let mut program = codegen::compile(&checked, &mut context)?;
        let (clauses, bytes) = (program.ecbs.len(), text.len());
        self.identifiers = identifiers;
        self.statements.adopt(&mut program);
        self.debug(format_args!("compiled {bytes} bytes into {clauses} clauses"));
        if self.options.compile.verbose {
            eprint!("{}", dif::listings(&program));
        }
        Ok(program)
    }

    /// An error with the line that it is about, if the options ask for it.
    fn with_excerpt(&self, error: Error, text: &[u8], macros: &Macros) -> Error {
        let Error::Compile(mut fault) = error else { return error };
        if self.options.compile.errsource {
            fault.excerpt = excerpt(text, &fault, macros).map(Rc::from);
        }
        Error::Compile(fault)
    }

    /// The C header of the providers that the programs so far declare. `file` is what the header is to be called.
    pub fn header(&self, file: &str) -> String {
        header::header(file, &self.identifiers.providers(), &self.types)
    }

    /// What `$pid`, `$target` and their kin stand for.
    fn process_ids(&self) -> Vec<(&'static str, i64)> {
        // SAFETY: these calls have no preconditions and cannot fail for the own process.
        let ids = unsafe {
            [
                ("pid", i64::from(libc::getpid())),
                ("ppid", i64::from(libc::getppid())),
                ("pgid", i64::from(libc::getpgrp())),
                ("sid", i64::from(libc::getsid(0))),
                ("uid", i64::from(libc::getuid())),
                ("euid", i64::from(libc::geteuid())),
                ("gid", i64::from(libc::getgid())),
                ("egid", i64::from(libc::getegid())),
                ("projid", 0),
                ("taskid", 0),
            ]
        };
        let mut ids = ids.to_vec();
        // Without a process `$target` is 0, as the original has it.
        ids.push(("target", self.processes.first().map_or(0, |p| i64::from(p.pid()))));
        ids
    }

    /// Enables a program: how many probes its clauses matched.
    pub fn enable(&mut self, program: &Program) -> Result<u32> {
        let image = self.image(program);
        let mut matched = self.enable_image(&image)?;
        self.debug(format_args!("enabled an image of {} bytes: {matched} probes", image.len()));
        // A clause counts once, however many control blocks it was cut into.
        for ecb in program.ecbs.iter().filter(|ecb| ecb.continues) {
            let mut again = 0u32;
            let count = |_: &ProbeDesc| {
                again += 1;
                Ok(())
            };
            match self.each_probe(Some(&ecb.probe), count) {
                Ok(()) | Err(Error::Lib(Code::NoProbe)) => matched = matched.saturating_sub(again),
                Err(error) => return Err(error),
            }
        }
        Ok(matched)
    }

    /// The image of a program as it is enabled: under `temporal` its records say when they were made.
    fn image(&self, program: &Program) -> Vec<u8> {
        let stamped = self.options.is_on(consumer::TEMPORAL);
        if stamped { dof::stamped_image(program) } else { dof::program_image(program) }
    }

    /// Enables a program image.
    pub fn enable_image(&mut self, image: &[u8]) -> Result<u32> {
        self.requests().enable(image).map_err(|errno| match errno {
            libc::EINVAL => Code::DifInvalid.into(),
            libc::EFAULT => Code::DifFault.into(),
            libc::E2BIG => Code::DifSize.into(),
            libc::EBUSY => Code::Enabling.into(),
            errno => Error::Sys(errno),
        })
    }

    /// What a program asks of the consumer.
    pub fn program_info(&self, program: &Program) -> ProgramInfo {
        use dtrace_abi::{action, stability};
        // What D itself promises is the most that a program can have.
        let most = Attribute { name: stability::STABLE, data: stability::STABLE, ..Attribute::MAXIMUM };
        let least = |all: &mut dyn Iterator<Item = Attribute>| all.fold(most, Attribute::minimum);
        let kinds: Vec<u32> = program.stmts().flat_map(|s| &s.actions).map(|a| a.kind).collect();
        let count = |of: &dyn Fn(u32) -> bool| kinds.iter().filter(|&&k| of(k)).count() as u32;
        let bare = program.ecbs.iter().filter(|e| e.stmts.is_empty()).count() as u32;
        ProgramInfo {
            descriptions: least(&mut program.ecbs.iter().map(|e| e.attribute)),
            statements: least(&mut program.stmts().map(|s| s.attribute)),
            aggregates: count(&action::is_aggregation),
            records: bare + count(&|k| !action::is_aggregation(k) && !action::is_speculative(k)),
            matches: 0,
            speculations: count(&|k| k == action::SPECULATE),
        }
    }

    /// What would be given to the device if these programs were enabled and tracing were started, as it is saved for a driver that
    /// is not loaded yet: image behind image, each beginning at a multiple of eight bytes.
    pub fn anonymous_images(&self, programs: &[&Program]) -> Result<Vec<u8>> {
        let saved = programs.iter().map(|program| self.image(&dof::without_statements(program)));
        let options = self.options.set_values().filter(|&(option, _)| option != option::GRABANON);
        let own = [dof::program_image(&dof::error_program()), dof::options_image(options)];
        let mut images: Vec<u8> = Vec::new();
        for image in saved.chain(own) {
            if image.len() as u64 >= limit::DOF_MAXSIZE {
                return Err(Code::DifSize.into());
            }
            images.resize(images.len().next_multiple_of(8), 0);
            images.extend(image);
        }
        Ok(images)
    }

    /// Starts tracing what has been enabled: the library's own ERROR program and the options go first. Or claims the anonymous
    /// state, which has brought them, if the options ask for that.
    pub fn go(&mut self) -> Result<()> {
        if self.session.is_some() {
            return Err(Code::Active.into());
        }
        if !self.watches_errors && !self.options.is_on(option::GRABANON) {
            let mut program = dof::error_program();
            self.statements.adopt(&mut program);
            self.enable(&program)?;
            self.watches_errors = true;
        }
        let image = dof::options_image(self.options.set_values());
        self.requests().enable(&image).map_err(Error::Sys)?;
        self.session = Some(Session::start(Requests::new(&*self.device), &self.options)?);
        Ok(())
    }

    /// Stops tracing: END runs. EINVAL before it has begun (contract 2.1).
    pub fn stop(&self) -> Result<()> {
        self.with_session(|session, context| session.stop(context.requests))
    }

    /// Whether tracing has begun and was stopped.
    pub fn is_stopped(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_stopped)
    }

    /// How long until [`Handle::work`] has something to do.
    pub fn idle(&self) -> Duration {
        self.session.as_ref().map_or(Duration::ZERO, |session| session.idle(&self.options))
    }

    /// Whether [`Handle::work`] has been called since tracing began.
    pub fn has_looked(&self) -> bool {
        self.session.as_ref().is_some_and(Session::has_looked)
    }

    /// Consumes what there is.
    pub fn work(&self, out: &mut Output, observer: &mut dyn Observer) -> Result<Progress> {
        self.with_session(|session, context| session.work(context, out, observer))
    }

    /// Prints the aggregations that the program has not printed itself.
    pub fn print_aggregations(&self, out: &mut Output) -> Result<()> {
        self.with_session(|session, context| session.print_aggregations(context, out))
    }

    /// The aggregations as they are known now; none before tracing has begun.
    pub fn aggregates(&self) -> Option<RefMut<'_, Aggregates>> {
        self.session.as_ref().map(Session::aggregates)
    }

    /// The session with what it needs. An error before tracing has begun.
    pub fn with_session<T>(&self, f: impl FnOnce(&Session, &Context<'_>) -> Result<T>) -> Result<T> {
        f(self.session.as_ref().ok_or(Error::Sys(libc::EINVAL))?, &self.context())
    }

    /// What the consumer needs of the handle.
    pub fn context(&self) -> Context<'_> {
        self.symbols.set_demangle(self.options.is_on(consumer::DEMANGLE));
        let claimed = self.session.as_ref().is_some_and(Session::is_claimed);
        Context {
            requests: Requests::new(&*self.device),
            statements: if claimed { &self.no_statements } else { &self.statements },
            options: &self.options,
            symbols: &self.symbols,
            types: &self.types,
        }
    }

    /// Starts a command, held before its first instruction (`-c`). The first process is `$target`.
    pub fn create_process(&mut self, command: &OsStr) -> std::result::Result<(), ProcessError> {
        self.processes.push(Process::create_line(command, &self.options.compile.environment, self.tracer())?);
        Ok(())
    }

    /// Takes a running process (`-p`).
    pub fn grab_process(&mut self, pid: u32) -> std::result::Result<(), ProcessError> {
        self.processes.push(Process::grab(pid, self.tracer())?);
        Ok(())
    }

    /// Who sees the system calls of processes: a device with a descriptor is the driver's.
    fn tracer(&self) -> Tracer {
        if self.device.descriptor().is_some() { Tracer::Driver } else { Tracer::Embedded }
    }

    /// The processes that were created or grabbed.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The providers that the programs have declared.
    pub fn providers(&self) -> Vec<Rc<Provider>> {
        self.identifiers.providers()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody waits for an answer here.
        if let Err(error) = self.write_types() {
            eprintln!("libdtrace: failed to write types: {}", Error::from(error));
        }
    }
}

/// The size of a string.
fn string_size(options: &Options) -> u32 {
    let size = options.get(option::STRSIZE).or(Some(option::DEFAULTS[option::STRSIZE as usize]));
    size.and_then(|n| u32::try_from(n).ok()).unwrap_or(256)
}

/// A fault in a text of a command line: it has no line, and the words say in which part of the clause it is.
fn placed(error: Error) -> Error {
    let Error::Compile(fault) = error else { return error };
    if fault.file.is_some() {
        return Error::Compile(fault);
    }
    let message = match fault.part {
        Some(part) => format!("in {part}: {}", fault.message),
        None => fault.message.clone(),
    };
    Error::Compile(Box::new(Diagnostic { line: 0, message, ..*fault }))
}
