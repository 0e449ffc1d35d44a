//! Instrumented programs: what is linked with them, and the images of what was found in their objects.

use std::ffi::OsString;
use std::path::Path;

use super::Handle;
use crate::dof;
use crate::error::{Diagnostic, Error, Tag};
use crate::link::{self, Declared, DeclaredProbe, Job, LinkError, Model};
use crate::options::LinkType;
use crate::program::Program;
use crate::types::Types;

/// The variable of the environment that names an object which registers images, in place of the library's own.
const REGISTERING: &str = "DTRACE_DRTI_O";

impl Handle {
    /// Says of which data model the programs are that types belong to and that are linked. Before anything is compiled.
    pub fn set_model(&mut self, model: Model) {
        if self.types.model() != model {
            self.types = if model == Model::Ilp32 { Types::narrow() } else { Types::new() };
        }
    }

    /// Makes probes of the calls in objects, and writes the object that tells the driver of them and of a program's clauses.
    /// `probes` says whether the providers that programs have declared are looked for.
    pub fn link(
        &mut self,
        program: &Program,
        probes: bool,
        objects: &[OsString],
        file: &Path,
    ) -> Result<(), LinkError> {
        let declared = if probes { self.declared() } else { Vec::new() };
        let registering = std::env::var(REGISTERING).ok();
        let job = Job {
            providers: &declared,
            clauses: Some(program),
            objects,
            model: self.types.model(),
            registering: registering.as_deref(),
            bare: self.options.compile.linktype == LinkType::Image,
        };
        self.linked = link::link(&job, file)?;
        Ok(())
    }

    /// The image of a program, with the probes of the objects that were linked last if they are asked for.
    pub fn program_image(&self, program: &Program, probes: bool) -> Vec<u8> {
        if !probes || self.linked.is_empty() {
            return self.image(program);
        }
        // They fitted one before.
        dof::usdt_image(&self.linked, Some(program)).unwrap_or_else(|_| dof::program_image(program))
    }

    /// The providers that programs have declared, their types as text.
    fn declared(&self) -> Vec<Declared> {
        let types = |list: &[_]| list.iter().map(|&ty| self.types.name(ty)).collect();
        let probe = |p: &crate::d::typed::ProviderProbe| DeclaredProbe {
            name: p.name.to_string(),
            native: types(&p.native),
            translated: types(&p.translated),
            mapping: p.mapping.clone(),
        };
        let provider = |p: &std::rc::Rc<crate::d::typed::Provider>| Declared {
            name: p.name.to_string(),
            attributes: p.attributes,
            probes: p.probes.iter().map(probe).collect(),
        };
        self.providers().iter().map(provider).collect()
    }
}

/// To clients it is a fault in words of its own, or the system's reason why the object cannot be written.
impl From<LinkError> for Error {
    fn from(error: LinkError) -> Self {
        if let LinkError::Output(_, error) = error {
            return error.into();
        }
        Error::Compile(Box::new(Diagnostic::new(Tag::Unknown, error.to_string())))
    }
}
