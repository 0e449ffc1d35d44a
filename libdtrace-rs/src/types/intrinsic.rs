//! The types that exist before any program is read: C's own, D's own, and the typedefs that D documents.
//!
//! The typedefs live in container C, so that a program or a library file may declare the same name again in D, as the
//! headers of many a script do.

use super::{Arena, Container, IntFormat, Kind, Model, TypeId};

/// The ids of the intrinsic types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Intrinsics {
    /// `void`
    pub void: TypeId,
    /// `char`
    pub char: TypeId,
    /// `signed char`
    pub signed_char: TypeId,
    /// `unsigned char`
    pub unsigned_char: TypeId,
    /// `short`
    pub short: TypeId,
    /// `unsigned short`
    pub unsigned_short: TypeId,
    /// `int`
    pub int: TypeId,
    /// `unsigned int`
    pub unsigned_int: TypeId,
    /// `long`
    pub long: TypeId,
    /// `unsigned long`
    pub unsigned_long: TypeId,
    /// `long long`
    pub long_long: TypeId,
    /// `unsigned long long`
    pub unsigned_long_long: TypeId,
    /// `float`
    pub float: TypeId,
    /// `double`
    pub double: TypeId,
    /// `long double`
    pub long_double: TypeId,
    /// `_Bool`
    pub bool: TypeId,
    /// `int64_t`: what `arg0` and its like are
    pub int64: TypeId,
    /// `uint64_t`: what `timestamp` is
    pub uint64: TypeId,
    /// `uintptr_t`
    pub uintptr: TypeId,
    /// `size_t`
    pub size: TypeId,
    /// `pid_t`
    pub pid: TypeId,
    /// `void *`
    pub void_pointer: TypeId,
    /// `string`
    pub string: TypeId,
    /// `<DYN>`
    pub dynamic: TypeId,
    /// `stack`
    pub stack: TypeId,
    /// `_symaddr`
    pub symaddr: TypeId,
    /// `_usymaddr`
    pub usymaddr: TypeId,
}

/// The typedefs of D and of the systems it grew up on, with what each names.
const TYPEDEFS: &[(&str, &str)] = &[
    ("int8_t", "char"),
    ("int16_t", "short"),
    ("int32_t", "int"),
    ("int64_t", "long"),
    ("intptr_t", "long"),
    ("uint8_t", "unsigned char"),
    ("uint16_t", "unsigned short"),
    ("uint32_t", "unsigned"),
    ("uint64_t", "unsigned long"),
    ("uintptr_t", "unsigned long"),
    ("uchar_t", "unsigned char"),
    ("ushort_t", "unsigned short"),
    ("uint_t", "unsigned"),
    ("ulong_t", "unsigned long"),
    ("u_char", "unsigned char"),
    ("u_short", "unsigned short"),
    ("u_int", "unsigned"),
    ("u_long", "unsigned long"),
    ("longlong_t", "long long"),
    ("u_longlong_t", "unsigned long long"),
    ("ptrdiff_t", "long"),
    ("size_t", "unsigned long"),
    ("ssize_t", "long"),
    ("id_t", "int"),
    ("pid_t", "int"),
    ("zoneid_t", "int"),
    ("uid_t", "int"),
    ("gid_t", "int"),
    ("hrtime_t", "long long"),
    ("processorid_t", "int"),
    ("in_port_t", "unsigned short"),
    ("ipaddr_t", "unsigned"),
];

impl Intrinsics {
    /// Puts the intrinsic types into a fresh arena.
    pub(super) fn install(arena: &mut Arena, model: Model) -> Intrinsics {
        let word = if model == Model::Ilp32 { 32 } else { 64 };
        let mut integer = |name: &'static str, bits: u32, signed: bool, character: bool| {
            let format = IntFormat { bits, signed, character, boolean: name == "_Bool" };
            let id = arena.push(Container::C, Kind::Integer { name: name.into(), format });
            arena.c_names.insert(name.into(), id);
            id
        };
        let char = integer("char", 8, true, true);
        let signed_char = integer("signed char", 8, true, true);
        let unsigned_char = integer("unsigned char", 8, false, true);
        let short = integer("short", 16, true, false);
        let unsigned_short = integer("unsigned short", 16, false, false);
        let int = integer("int", 32, true, false);
        let unsigned_int = integer("unsigned", 32, false, false);
        let long = integer("long", word, true, false);
        let unsigned_long = integer("unsigned long", word, false, false);
        let long_long = integer("long long", 64, true, false);
        let unsigned_long_long = integer("unsigned long long", 64, false, false);
        let bool = integer("_Bool", 8, false, false);
        // Spelt in another way they are the same types by other names, which is how messages and print() call them.
        for (name, bits, signed) in [
            ("signed", 32, true),
            ("signed int", 32, true),
            ("unsigned int", 32, false),
            ("signed short", 16, true),
            ("signed long", word, true),
            ("signed long long", 64, true),
        ] {
            integer(name, bits, signed, false);
        }
        let mut other = |container, name: &'static str, kind: Kind| {
            let id = arena.push(container, kind);
            arena.c_names.insert(name.into(), id);
            id
        };
        let void = other(Container::C, "void", Kind::Void);
        let float = other(Container::C, "float", Kind::Float { name: "float".into(), size: 4 });
        let double = other(Container::C, "double", Kind::Float { name: "double".into(), size: 8 });
        let size = if model == Model::Ilp32 { 12 } else { 16 };
        let long_double =
            other(Container::C, "long double", Kind::Float { name: "long double".into(), size });
        let string = other(Container::D, "string", Kind::String);
        let dynamic = other(Container::D, "<DYN>", Kind::Dynamic);
        let stack = other(Container::D, "stack", Kind::Stack);
        let symaddr = other(Container::D, "_symaddr", Kind::SymAddr);
        let usymaddr = other(Container::D, "_usymaddr", Kind::UserSymAddr);
        for &(name, target) in TYPEDEFS {
            let target = match (name, model) {
                ("int64_t", Model::Ilp32) => "long long",
                ("uint64_t", Model::Ilp32) => "unsigned long long",
                _ => target,
            };
            let target = arena.c_names[target];
            let id = arena.push(Container::C, Kind::Typedef { name: name.into(), target });
            arena.c_names.insert(name.into(), id);
        }
        let void_pointer = arena.push(Container::D, Kind::Pointer(void));
        arena.pointers.insert(void, void_pointer);
        Intrinsics {
            void,
            char,
            signed_char,
            unsigned_char,
            short,
            unsigned_short,
            int,
            unsigned_int,
            long,
            unsigned_long,
            long_long,
            unsigned_long_long,
            float,
            double,
            long_double,
            bool,
            int64: arena.c_names["int64_t"],
            uint64: arena.c_names["uint64_t"],
            uintptr: arena.c_names["uintptr_t"],
            size: arena.c_names["size_t"],
            pid: arena.c_names["pid_t"],
            void_pointer,
            string,
            dynamic,
            stack,
            symaddr,
            usymaddr,
        }
    }
}

/// The one name of an intrinsic type spelt in any way that C allows: `long unsigned int` is `unsigned long`.
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    let (mut signed, mut unsigned, mut long, mut short, mut int) = (0, 0, 0, 0, 0);
    let (mut char, mut float, mut double, mut bool) = (0, 0, 0, 0);
    for word in name.split_ascii_whitespace() {
        *match word {
            "signed" | "__signed__" => &mut signed,
            "unsigned" => &mut unsigned,
            "long" => &mut long,
            "short" => &mut short,
            "int" => &mut int,
            "char" => &mut char,
            "float" => &mut float,
            "double" => &mut double,
            "_Bool" | "bool" => &mut bool,
            _ => return None,
        } += 1;
    }
    if signed + unsigned > 1 || int > 1 {
        return None;
    }
    Some(match (signed, unsigned, short, long, int, char, float, double, bool) {
        (0, 0, 0, 0, 0, 1, 0, 0, 0) => "char",
        (1, 0, 0, 0, 0, 1, 0, 0, 0) => "signed char",
        (0, 1, 0, 0, 0, 1, 0, 0, 0) => "unsigned char",
        (_, 0, 1, 0, _, 0, 0, 0, 0) => "short",
        (0, 1, 1, 0, _, 0, 0, 0, 0) => "unsigned short",
        (1, 0, 0, 0, _, 0, 0, 0, 0) | (0, 0, 0, 0, 1, 0, 0, 0, 0) => "int",
        (0, 1, 0, 0, _, 0, 0, 0, 0) => "unsigned",
        (_, 0, 0, 1, _, 0, 0, 0, 0) => "long",
        (0, 1, 0, 1, _, 0, 0, 0, 0) => "unsigned long",
        (_, 0, 0, 2, _, 0, 0, 0, 0) => "long long",
        (0, 1, 0, 2, _, 0, 0, 0, 0) => "unsigned long long",
        (0, 0, 0, 0, 0, 0, 1, 0, 0) => "float",
        (0, 0, 0, 0, 0, 0, 0, 1, 0) => "double",
        (0, 0, 0, 1, 0, 0, 0, 1, 0) => "long double",
        (0, 0, 0, 0, 0, 0, 0, 0, 1) => "_Bool",
        _ => return None,
    })
}
