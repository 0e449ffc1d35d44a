//! What can go wrong in libdtrace, and what it is called.
//!
//! Three kinds: an errno of the system, an error number of the library ([`Code`], numbered from 1000 as the C API
//! reports them, contract 6.4), and a fault in a D program ([`Diagnostic`]), which is code 1005 to the C API but has a
//! tag, a file, a line and a message of its own. The wording is the original's, because people and scripts match it.

use std::fmt;
use std::rc::Rc;

/// The result of everything that can fail in this library.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The system said no: an errno.
    Sys(i32),
    /// The library said no.
    Lib(Code),
    /// The D program is wrong.
    Compile(Box<Diagnostic>),
}

/// A fault in a D program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The published name of the fault.
    pub tag: Tag,
    /// The file that a line control or the preprocessor named, if any did.
    pub file: Option<Rc<str>>,
    /// The line, from 1; 0 when the fault has no place.
    pub line: u32,
    /// The byte offset in the program text, for a form of the message that shows the source line.
    pub offset: u32,
    /// What is wrong, without tag and line.
    pub message: String,
    /// The source line with a mark under what is wrong, where it was asked for.
    pub excerpt: Option<Rc<str>>,
    /// The part of a clause whose expression is wrong, for the message about a text that has no lines.
    pub part: Option<Part>,
}

/// A part of a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The predicate.
    Predicate,
    /// The statements.
    Actions,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Predicate => "predicate",
            Part::Actions => "action list",
        })
    }
}

impl Diagnostic {
    /// A fault that has no place.
    pub fn new(tag: Tag, message: impl Into<String>) -> Self {
        Self { tag, file: None, line: 0, offset: 0, message: message.into(), excerpt: None, part: None }
    }
}

impl Error {
    /// The number that `dtrace_errno` reports for this error.
    pub fn number(&self) -> i32 {
        match self {
            Self::Sys(errno) => *errno,
            Self::Lib(code) => code.number(),
            Self::Compile(_) => Code::Compiler.number(),
        }
    }

    /// The tag of a compile error.
    pub fn tag(&self) -> Option<Tag> {
        match self {
            Self::Compile(diagnostic) => Some(diagnostic.tag),
            _ => None,
        }
    }

    /// The message with the tag in front, as `-x errtags` shows it.
    pub fn tagged(&self) -> String {
        match self {
            Self::Compile(diagnostic) => format!("[{}] {diagnostic}", diagnostic.tag.name()),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The library prints strerror's text, without Rust's "(os error N)".
            Self::Sys(errno) => {
                let text = std::io::Error::from_raw_os_error(*errno).to_string();
                f.write_str(text.rsplit_once(" (os error").map_or(text.as_str(), |(head, _)| head))
            }
            Self::Lib(code) => f.write_str(code.message()),
            Self::Compile(diagnostic) => diagnostic.fmt(f),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (_, 0) => f.write_str(&self.message)?,
            (None, line) => write!(f, "line {line}: {}", self.message)?,
            (Some(file), line) => write!(f, "\"{file}\", line {line}: {}", self.message)?,
        }
        self.excerpt.as_ref().map_or(Ok(()), |excerpt| write!(f, "\n{excerpt}"))
    }
}

impl std::error::Error for Error {}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::Lib(code)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        error.raw_os_error().map_or(Self::Lib(Code::FileIo), Self::Sys)
    }
}

/// Names, numbers and messages of the library's errors, in one table.
macro_rules! codes {
    ($($name:ident = $number:literal, $message:literal;)*) => {
        /// An error number of the library (contract 6.4: `dtrace_errno`, `dtrace_errmsg`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(i32)]
        pub enum Code {
            $(#[doc = $message] $name = $number,)*
        }

        impl Code {
            /// The message, as `dtrace_errmsg` gives it.
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $message,)*
                }
            }

            /// The code with this number.
            pub fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

impl Code {
    /// The number of the C API.
    pub fn number(self) -> i32 {
        self as i32
    }
}

codes! {
    Version = 1000, "Client requested version newer than library";
    VersionInvalid = 1001, "Version is not properly formatted or is too large";
    VersionUndefined = 1002, "Requested version is not supported by compiler";
    VersionReduced = 1003, "Requested version conflicts with earlier setting";
    Ctf = 1004, "Unexpected libctf error";
    Compiler = 1005, "Error in D program compilation";
    NoReg = 1006, "Insufficient registers to generate code";
    NoTupleReg = 1007, "Insufficient tuple registers to generate code";
    NoMemory = 1008, "Memory allocation failure";
    IntTooBig = 1009, "Integer constant table limit exceeded";
    StrTooBig = 1010, "String constant table limit exceeded";
    NoModule = 1011, "Unknown module name";
    NoProvider = 1012, "Unknown provider name";
    NoProbe = 1013, "No probe matches description";
    NoSymbol = 1014, "Unknown symbol name";
    NoSymbolAddr = 1015, "No symbol corresponds to address";
    NoType = 1016, "Unknown type name";
    NoVariable = 1017, "Unknown variable name";
    NoAggregation = 1018, "Unknown aggregation name";
    BadScope = 1019, "Improper use of scoping operator in type name";
    BadSpec = 1020, "Overspecified probe description";
    BadSpecMacro = 1021, "Undefined macro variable in probe description";
    BadId = 1022, "Unknown probe identifier";
    NotLoaded = 1023, "Module is no longer loaded";
    NoCtf = 1024, "Module does not contain any CTF data";
    DataModel = 1025, "Module and program data models do not match";
    DifVersion = 1026, "Library uses newer DIF version than kernel";
    BadAggregation = 1027, "Unknown aggregating action";
    FileIo = 1028, "Error occurred while reading from input stream";
    DifInvalid = 1029, "DIF program content is invalid";
    DifSize = 1030, "DIF program exceeds maximum program size";
    DifFault = 1031, "DIF program contains invalid pointer";
    BadProbe = 1032, "Invalid probe specification";
    BadProbeGlob = 1033, "Probe description has too many globbing characters";
    NoScope = 1034, "Declaration scope stack underflow";
    NoDecl = 1035, "Declaration stack underflow";
    DataMismatch = 1036, "Data record list does not match statement";
    DataOffset = 1037, "Data record offset exceeds buffer boundary";
    DataAlign = 1038, "Data record has inappropriate alignment";
    BadOptionName = 1039, "Invalid option name";
    BadOptionValue = 1040, "Invalid value for specified option";
    BadOptionContext = 1041, "Option cannot be used from within a D program";
    CppFork = 1042, "Failed to fork preprocessor";
    CppExec = 1043, "Failed to exec preprocessor";
    CppEntry = 1044, "Preprocessor not found";
    CppError = 1045, "Preprocessor failed to process input program";
    SymOverflow = 1046, "Symbol table identifier space exhausted";
    Active = 1047, "Operation illegal when tracing is active";
    Destructive = 1048, "Destructive actions not allowed";
    NoAnon = 1049, "No anonymous tracing state";
    IsAnon = 1050, "Can't claim anonymous state and enable probes";
    EndTooBig = 1051, "END enablings exceed size of principal buffer";
    NoConversion = 1052, "Failed to load type for printf conversion";
    BadConversion = 1053, "Incomplete printf conversion";
    BadErrorAction = 1054, "Invalid library ERROR action";
    ErrorAbort = 1055, "Abort due to error";
    DropAbort = 1056, "Abort due to drop";
    DirectedAbort = 1057, "Abort explicitly directed";
    BadReturn = 1058, "Invalid return value from callback";
    BadNormal = 1059, "Invalid normalization";
    BufferTooSmall = 1060, "Enabling exceeds size of buffer";
    BadTrunc = 1061, "Invalid truncation";
    Busy = 1062, "DTrace cannot be used when kernel debugger is active";
    Access = 1063, "DTrace requires additional privileges";
    NoEntry = 1064, "DTrace device not available on system";
    Bricked = 1065, "Abort due to systemic unresponsiveness";
    Hardwire = 1066, "Failed to load language definitions";
    ElfVersion = 1067, "libelf is out-of-date with respect to libdtrace";
    NoBuffered = 1068, "Attempt to buffer output without handler";
    Unstable = 1069, "Description matched an unstable set of probes";
    BadSetopt = 1070, "Invalid setopt() library action";
    BadStackPc = 1071, "Invalid stack program counter size";
    BadAggVar = 1072, "Invalid aggregation variable identifier";
    OldVersion = 1073, "Client requested deprecated version of library";
    Enabling = 1074, "Failed to enable probe";
}

/// The published names of the faults of a D program, in one table.
macro_rules! tags {
    ($($name:ident = $tag:literal,)*) => {
        /// The published name of a fault in a D program, shown under `-x errtags`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Tag {
            $(#[doc = concat!("`", $tag, "`")] $name,)*
        }

        impl Tag {
            /// The name as it is published.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $tag,)*
                }
            }
        }
    };
}

tags! {
    ActSpec = "D_ACT_SPEC",
    AddrofBitfield = "D_ADDROF_BITFIELD",
    AddrofLval = "D_ADDROF_LVAL",
    AddrofVar = "D_ADDROF_VAR",
    AggComm = "D_AGG_COMM",
    AggFunc = "D_AGG_FUNC",
    AggMdim = "D_AGG_MDIM",
    AggNull = "D_AGG_NULL",
    AggRedef = "D_AGG_REDEF",
    AggScalar = "D_AGG_SCALAR",
    AggSpec = "D_AGG_SPEC",
    ArgsIdx = "D_ARGS_IDX",
    ArgsMulti = "D_ARGS_MULTI",
    ArgsNone = "D_ARGS_NONE",
    ArgsType = "D_ARGS_TYPE",
    ArgsXlator = "D_ARGS_XLATOR",
    ArrBadref = "D_ARR_BADREF",
    ArrLocal = "D_ARR_LOCAL",
    Asrelo = "D_ASRELO",
    AttrMin = "D_ATTR_MIN",
    CastInval = "D_CAST_INVAL",
    CgDyn = "D_CG_DYN",
    CgExpr = "D_CG_EXPR",
    ChrNl = "D_CHR_NL",
    ChrNull = "D_CHR_NULL",
    ChrOflow = "D_CHR_OFLOW",
    ClearAggarg = "D_CLEAR_AGGARG",
    ClearAggbad = "D_CLEAR_AGGBAD",
    ClearProto = "D_CLEAR_PROTO",
    CommComm = "D_COMM_COMM",
    CommDrec = "D_COMM_DREC",
    DeclArrbig = "D_DECL_ARRBIG",
    DeclArrnull = "D_DECL_ARRNULL",
    DeclArrsub = "D_DECL_ARRSUB",
    DeclBadclass = "D_DECL_BADCLASS",
    DeclBfconst = "D_DECL_BFCONST",
    DeclBfsize = "D_DECL_BFSIZE",
    DeclBftype = "D_DECL_BFTYPE",
    DeclCharattr = "D_DECL_CHARATTR",
    DeclClass = "D_DECL_CLASS",
    DeclCombo = "D_DECL_COMBO",
    DeclDynobj = "D_DECL_DYNOBJ",
    DeclEnconst = "D_DECL_ENCONST",
    DeclEnoflow = "D_DECL_ENOFLOW",
    DeclIdent = "D_DECL_IDENT",
    DeclIdred = "D_DECL_IDRED",
    DeclIncomplete = "D_DECL_INCOMPLETE",
    DeclLocassc = "D_DECL_LOCASSC",
    DeclLongint = "D_DECL_LONGINT",
    DeclMname = "D_DECL_MNAME",
    DeclParmclass = "D_DECL_PARMCLASS",
    DeclProtoForm = "D_DECL_PROTO_FORM",
    DeclProtoName = "D_DECL_PROTO_NAME",
    DeclProtoType = "D_DECL_PROTO_TYPE",
    DeclProtoVarargs = "D_DECL_PROTO_VARARGS",
    DeclProtoVoid = "D_DECL_PROTO_VOID",
    DeclScope = "D_DECL_SCOPE",
    DeclSignint = "D_DECL_SIGNINT",
    DeclTypered = "D_DECL_TYPERED",
    DeclUseless = "D_DECL_USELESS",
    DeclVoidattr = "D_DECL_VOIDATTR",
    DeclVoidobj = "D_DECL_VOIDOBJ",
    DerefFunc = "D_DEREF_FUNC",
    DerefNonptr = "D_DEREF_NONPTR",
    DerefVoid = "D_DEREF_VOID",
    DivZero = "D_DIV_ZERO",
    DrecComm = "D_DREC_COMM",
    Empty = "D_EMPTY",
    ExitSpec = "D_EXIT_SPEC",
    FreopenInvalid = "D_FREOPEN_INVALID",
    FuncIdent = "D_FUNC_IDENT",
    FuncIdkind = "D_FUNC_IDKIND",
    FuncUndef = "D_FUNC_UNDEF",
    IdentAmbig = "D_IDENT_AMBIG",
    IdentBadref = "D_IDENT_BADREF",
    IdentUndef = "D_IDENT_UNDEF",
    IdOflow = "D_ID_OFLOW",
    IntDigit = "D_INT_DIGIT",
    IntOflow = "D_INT_OFLOW",
    KeyType = "D_KEY_TYPE",
    LlquantFactoreven = "D_LLQUANT_FACTOREVEN",
    LlquantFactormatch = "D_LLQUANT_FACTORMATCH",
    LlquantFactornsteps = "D_LLQUANT_FACTORNSTEPS",
    LlquantFactorsmall = "D_LLQUANT_FACTORSMALL",
    LlquantFactortype = "D_LLQUANT_FACTORTYPE",
    LlquantFactorval = "D_LLQUANT_FACTORVAL",
    LlquantHighmatch = "D_LLQUANT_HIGHMATCH",
    LlquantHightype = "D_LLQUANT_HIGHTYPE",
    LlquantHighval = "D_LLQUANT_HIGHVAL",
    LlquantLowmatch = "D_LLQUANT_LOWMATCH",
    LlquantLowtype = "D_LLQUANT_LOWTYPE",
    LlquantLowval = "D_LLQUANT_LOWVAL",
    LlquantMagrange = "D_LLQUANT_MAGRANGE",
    LlquantMagtoobig = "D_LLQUANT_MAGTOOBIG",
    LlquantNstepmatch = "D_LLQUANT_NSTEPMATCH",
    LlquantNsteptype = "D_LLQUANT_NSTEPTYPE",
    LlquantNstepval = "D_LLQUANT_NSTEPVAL",
    LquantBasetype = "D_LQUANT_BASETYPE",
    LquantBaseval = "D_LQUANT_BASEVAL",
    LquantLimtype = "D_LQUANT_LIMTYPE",
    LquantLimval = "D_LQUANT_LIMVAL",
    LquantMatchbase = "D_LQUANT_MATCHBASE",
    LquantMatchlim = "D_LQUANT_MATCHLIM",
    LquantMatchstep = "D_LQUANT_MATCHSTEP",
    LquantMismatch = "D_LQUANT_MISMATCH",
    LquantSteplarge = "D_LQUANT_STEPLARGE",
    LquantStepsmall = "D_LQUANT_STEPSMALL",
    LquantSteptype = "D_LQUANT_STEPTYPE",
    LquantStepval = "D_LQUANT_STEPVAL",
    MacroOflow = "D_MACRO_OFLOW",
    MacroUndef = "D_MACRO_UNDEF",
    MacroUnused = "D_MACRO_UNUSED",
    NormalizeAggarg = "D_NORMALIZE_AGGARG",
    NormalizeAggbad = "D_NORMALIZE_AGGBAD",
    NormalizeProto = "D_NORMALIZE_PROTO",
    NormalizeScalar = "D_NORMALIZE_SCALAR",
    OffsetofBitfield = "D_OFFSETOF_BITFIELD",
    OffsetofType = "D_OFFSETOF_TYPE",
    OpAct = "D_OP_ACT",
    OpArith = "D_OP_ARITH",
    OpArrfun = "D_OP_ARRFUN",
    OpDyn = "D_OP_DYN",
    OpIdent = "D_OP_IDENT",
    OpIncompat = "D_OP_INCOMPAT",
    OpIncomplete = "D_OP_INCOMPLETE",
    OpInt = "D_OP_INT",
    OpLval = "D_OP_LVAL",
    OpPtr = "D_OP_PTR",
    OpScalar = "D_OP_SCALAR",
    OpSou = "D_OP_SOU",
    OpVfptr = "D_OP_VFPTR",
    OpWrite = "D_OP_WRITE",
    PdescInval = "D_PDESC_INVAL",
    PdescZero = "D_PDESC_ZERO",
    PragctlInval = "D_PRAGCTL_INVAL",
    Pragerr = "D_PRAGERR",
    PragmaDepend = "D_PRAGMA_DEPEND",
    PragmaInval = "D_PRAGMA_INVAL",
    PragmaMalform = "D_PRAGMA_MALFORM",
    PragmaOptset = "D_PRAGMA_OPTSET",
    PragmaScope = "D_PRAGMA_SCOPE",
    PragmaUnused = "D_PRAGMA_UNUSED",
    PredScalar = "D_PRED_SCALAR",
    PrintaAggarg = "D_PRINTA_AGGARG",
    PrintaAggbad = "D_PRINTA_AGGBAD",
    PrintaAggkey = "D_PRINTA_AGGKEY",
    PrintaAggproto = "D_PRINTA_AGGPROTO",
    PrintaProto = "D_PRINTA_PROTO",
    PrintfAggConv = "D_PRINTF_AGG_CONV",
    PrintfArgExtra = "D_PRINTF_ARG_EXTRA",
    PrintfArgFmt = "D_PRINTF_ARG_FMT",
    PrintfArgProto = "D_PRINTF_ARG_PROTO",
    PrintfArgType = "D_PRINTF_ARG_TYPE",
    PrintfDynProto = "D_PRINTF_DYN_PROTO",
    PrintfDynType = "D_PRINTF_DYN_TYPE",
    PrintfFmtEmpty = "D_PRINTF_FMT_EMPTY",
    PrintAgg = "D_PRINT_AGG",
    PrintDyn = "D_PRINT_DYN",
    PrintVoid = "D_PRINT_VOID",
    ProcAlign = "D_PROC_ALIGN",
    ProcBadpid = "D_PROC_BADPID",
    ProcBadprov = "D_PROC_BADPROV",
    ProcCreatefail = "D_PROC_CREATEFAIL",
    ProcDyn = "D_PROC_DYN",
    ProcFunc = "D_PROC_FUNC",
    ProcGrab = "D_PROC_GRAB",
    ProcLib = "D_PROC_LIB",
    ProcName = "D_PROC_NAME",
    ProcNodev = "D_PROC_NODEV",
    ProcOff = "D_PROC_OFF",
    ProcUsdt = "D_PROC_USDT",
    ProtoArg = "D_PROTO_ARG",
    ProtoLen = "D_PROTO_LEN",
    ProvBadname = "D_PROV_BADNAME",
    ProvIncompat = "D_PROV_INCOMPAT",
    ProvPrarglen = "D_PROV_PRARGLEN",
    ProvPrdup = "D_PROV_PRDUP",
    ProvPrxlator = "D_PROV_PRXLATOR",
    QuantProto = "D_QUANT_PROTO",
    RegsIdx = "D_REGS_IDX",
    SizeofBitfield = "D_SIZEOF_BITFIELD",
    SizeofType = "D_SIZEOF_TYPE",
    SpecComm = "D_SPEC_COMM",
    SpecDrec = "D_SPEC_DREC",
    SpecSpec = "D_SPEC_SPEC",
    StackProto = "D_STACK_PROTO",
    StackSize = "D_STACK_SIZE",
    StringofType = "D_STRINGOF_TYPE",
    StrNl = "D_STR_NL",
    SymBadref = "D_SYM_BADREF",
    SymModel = "D_SYM_MODEL",
    SymNotypes = "D_SYM_NOTYPES",
    Syntax = "D_SYNTAX",
    TracememAddr = "D_TRACEMEM_ADDR",
    TracememArgs = "D_TRACEMEM_ARGS",
    TracememDynsize = "D_TRACEMEM_DYNSIZE",
    TracememSize = "D_TRACEMEM_SIZE",
    TraceAgg = "D_TRACE_AGG",
    TraceDyn = "D_TRACE_DYN",
    TraceVoid = "D_TRACE_VOID",
    TruncAggarg = "D_TRUNC_AGGARG",
    TruncAggbad = "D_TRUNC_AGGBAD",
    TruncProto = "D_TRUNC_PROTO",
    TruncScalar = "D_TRUNC_SCALAR",
    TypeErr = "D_TYPE_ERR",
    TypeMember = "D_TYPE_MEMBER",
    Unknown = "D_UNKNOWN",
    UstackFrames = "D_USTACK_FRAMES",
    UstackProto = "D_USTACK_PROTO",
    UstackStrsize = "D_USTACK_STRSIZE",
    VarUndef = "D_VAR_UNDEF",
    VarUnsup = "D_VAR_UNSUP",
    XlateIncompat = "D_XLATE_INCOMPAT",
    XlateMemb = "D_XLATE_MEMB",
    XlateNoconv = "D_XLATE_NOCONV",
    XlateNone = "D_XLATE_NONE",
    XlateRedecl = "D_XLATE_REDECL",
    XlateSou = "D_XLATE_SOU",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_numbers_of_the_c_api() {
        assert_eq!(Code::Version.number(), 1000);
        assert_eq!(Code::Compiler.number(), 1005);
        assert_eq!(Code::NoEntry.number(), 1064);
        assert_eq!(Code::Enabling.number(), 1074);
        assert_eq!(Code::from_number(1013), Some(Code::NoProbe));
        assert_eq!(Code::from_number(1075), None);
    }

    #[test]
    fn an_errno_reads_as_the_system_says_it() {
        assert_eq!(Error::Sys(2).to_string(), "No such file or directory");
    }

    #[test]
    fn a_diagnostic_names_its_line_and_under_errtags_its_tag() {
        let message = "operator = requires modifiable lvalue as an operand";
        let fault = Diagnostic { line: 3, ..Diagnostic::new(Tag::OpLval, message) };
        let error = Error::Compile(Box::new(fault.clone()));
        assert_eq!(error.to_string(), "line 3: operator = requires modifiable lvalue as an operand");
        assert!(error.tagged().starts_with("[D_OP_LVAL] line 3: "));
        let included = Error::Compile(Box::new(Diagnostic { file: Some("a.h".into()), ..fault }));
        assert!(included.to_string().starts_with("\"a.h\", line 3: "));
    }
}
