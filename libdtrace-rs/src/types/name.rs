//! Names of types: from a type to the words that C would use, and from such words to a type.

use super::{Aggregate, Enumeration, Kind, Qualifier, TypeError, TypeId, Types};

impl Types {
    /// The type as a C declaration without a name: `struct file *`, `char [16]`, `int (*)(int)`.
    pub fn name(&self, id: TypeId) -> String {
        let (left, right) = self.halves(id, String::new(), String::new(), false, 64);
        left + &right
    }

    /// A declaration of `variable` of this type: `char buf[16]`.
    pub fn declaration(&self, id: TypeId, variable: &str) -> String {
        let (left, right) = self.halves(id, String::new(), String::new(), false, 64);
        if variable.is_empty() {
            return left + &right;
        }
        let space = if left.ends_with(['*', '(']) { "" } else { " " };
        format!("{left}{space}{variable}{}", right.trim_start())
    }

    /// The text left and right of where the declared name would stand.
    fn halves(&self, id: TypeId, left: String, right: String, pointer: bool, depth: u32) -> (String, String) {
        if depth == 0 {
            return (format!("...{left}"), right);
        }
        let spaced = |base: String, left: &str| if left.is_empty() { base } else { format!("{base} {left}") };
        match self.kind(id) {
            Kind::Pointer(target) => self.halves(target, format!("*{left}"), right, true, depth - 1),
            Kind::Array { elem, count } => {
                let bound = if count == 0 { "[]".to_owned() } else { format!("[{count}]") };
                if pointer {
                    self.halves(elem, format!("({left}"), format!("){bound}{right}"), false, depth - 1)
                } else if left.is_empty() && !right.starts_with('[') && !right.starts_with(" [") {
                    self.halves(elem, left, format!(" {bound}{right}"), false, depth - 1)
                } else {
                    // `int [2][3]`: the inner bound follows the outer one.
                    let outer = right.trim_start();
                    self.halves(elem, left, format!(" {outer}{bound}"), false, depth - 1)
                }
            }
            Kind::Function(f) => {
                let mut params: Vec<String> = f.params.iter().map(|&p| self.name(p)).collect();
                if f.variadic {
                    params.push("...".into());
                } else if params.is_empty() {
                    params.push("void".into());
                }
                let params = params.join(", ");
                if pointer {
                    self.halves(f.ret, format!("({left}"), format!(")({params}){right}"), false, depth - 1)
                } else {
                    self.halves(f.ret, left, format!("({params}){right}"), false, depth - 1)
                }
            }
            Kind::Qualified(q, target) => {
                let word = match q {
                    Qualifier::Const => "const",
                    Qualifier::Volatile => "volatile",
                    Qualifier::Restrict => "restrict",
                };
                // A qualified pointer carries the word behind its star; anything else in front of its name.
                if matches!(self.kind(target), Kind::Pointer(_)) {
                    let left = if left.is_empty() { format!(" {word}") } else { format!(" {word} {left}") };
                    self.halves(target, left.trim_end().to_owned(), right, pointer, depth - 1)
                } else {
                    let (l, r) = self.halves(target, left, right, pointer, depth - 1);
                    (format!("{word} {l}"), r)
                }
            }
            leaf => (spaced(leaf_name(&leaf), &left), right),
        }
    }

    /// Reads a type name with qualifiers and stars; `lookup` finds the part that is a name proper.
    pub(super) fn parse_name(
        &self,
        name: &str,
        lookup: impl Fn(&str) -> Result<TypeId, TypeError>,
    ) -> Result<TypeId, TypeError> {
        let mut rest = name.trim();
        // Each is a star with the qualifiers that follow it, outermost last.
        let mut tail = Vec::new();
        loop {
            if let Some(r) = rest.strip_suffix('*') {
                tail.push(None);
                rest = r.trim_end();
                continue;
            }
            let Some((head, word)) = rest.rsplit_once([' ', '*']) else { break };
            let Some(q) = qualifier(word) else { break };
            tail.push(Some(q));
            rest = rest[..head.len() + usize::from(rest.as_bytes()[head.len()] == b'*')].trim_end();
        }
        while let Some((word, r)) = rest.split_once(' ') {
            let Some(q) = qualifier(word) else { break };
            tail.push(Some(q));
            rest = r.trim_start();
        }
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let mut id = lookup(&words.join(" "))?;
        for part in tail.into_iter().rev() {
            id = match part {
                None => self.pointer_to(id),
                Some(q) => self.qualified(q, id),
            };
        }
        Ok(id)
    }
}

fn qualifier(word: &str) -> Option<Qualifier> {
    match word {
        "const" => Some(Qualifier::Const),
        "volatile" => Some(Qualifier::Volatile),
        "restrict" => Some(Qualifier::Restrict),
        _ => None,
    }
}

fn leaf_name(kind: &Kind) -> String {
    let tagged = |keyword: &str, tag: &Option<std::rc::Rc<str>>| match tag {
        Some(tag) => format!("{keyword} {tag}"),
        None => format!("{keyword} (anon)"),
    };
    match kind {
        Kind::Void => "void".into(),
        Kind::Integer { name, .. } | Kind::Float { name, .. } | Kind::Typedef { name, .. } => {
            name.to_string()
        }
        Kind::Struct(Aggregate { tag, .. }) => tagged("struct", tag),
        Kind::Union(Aggregate { tag, .. }) => tagged("union", tag),
        Kind::Enum(Enumeration { tag, .. }) => tagged("enum", tag),
        Kind::Forward { tag, name } => format!("{} {name}", tag.keyword()),
        Kind::String => "string".into(),
        Kind::Dynamic => "<DYN>".into(),
        Kind::Stack => "stack".into(),
        Kind::SymAddr => "_symaddr".into(),
        Kind::UserSymAddr => "_usymaddr".into(),
        Kind::Pointer(_) | Kind::Array { .. } | Kind::Function(_) | Kind::Qualified(..) => {
            unreachable!("a derived type has no name of its own")
        }
    }
}
