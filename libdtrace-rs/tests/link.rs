//! Objects that are damaged are refused or linked, and never the end of the program that links them.

use std::fs;
use std::process::Command;

use dtrace_rs::link::{Declared, DeclaredProbe, Job, Model, link};
use dtrace_rs::program::Attribute;

const SOURCE: &str = "
extern void __dtrace_web___request(int);
extern int __dtraceenabled_web___request(void);
static int inner(int n) { if (__dtraceenabled_web___request()) __dtrace_web___request(n); return n + 1; }
int outer(int n) { __dtrace_web___request(inner(n)); return inner(n + 1); }
";

fn web() -> Declared {
    let probe = DeclaredProbe {
        name: "request".into(),
        native: vec!["int".into()],
        translated: vec!["int".into()],
        mapping: vec![0],
    };
    Declared { name: "web".into(), attributes: [Attribute::MAXIMUM; 5], probes: vec![probe] }
}

#[test]
fn damaged_objects_are_refused_or_linked() {
    let place = std::env::temp_dir().join(format!("dtrace-link-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let (source, object, out) = (place.join("a.c"), place.join("a.o"), place.join("p.o"));
    fs::write(&source, SOURCE).unwrap();
    let compiled = Command::new("cc").args(["-O1", "-c"]).arg(&source).arg("-o").arg(&object).status();
    if !compiled.is_ok_and(|status| status.success()) {
        fs::remove_dir_all(&place).unwrap();
        return println!("skipped: there is no C compiler (cc)");
    }
    let sound = fs::read(&object).unwrap();
    let (providers, objects) = ([web()], [object.clone().into_os_string()]);
    let job = Job {
        providers: &providers,
        clauses: None,
        objects: &objects,
        model: Model::Lp64,
        registering: None,
        bare: false,
    };
    let found = link(&job, &out).unwrap();
    let functions: Vec<&str> = found[0].probes.iter().map(|p| p.function.as_str()).collect();
    assert!(functions.contains(&"outer"), "{functions:?}");
    // xorshift: the same damage each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let (mut linked, mut refused) = (0, 0);
    for round in 0..600 {
        let mut bytes = sound.clone();
        if round % 8 == 0 {
            bytes.truncate(next(sound.len()));
        }
        for _ in 0..=next(8) {
            // Most of what there is to get wrong is in the tables at both ends.
            let at = match next(3) {
                0 => next(64),
                1 => sound.len() - 1 - next(sound.len().min(1200)),
                _ => next(sound.len()),
            };
            let value = [0, 1, 0x7f, 0xff, next(256) as u8][next(5)];
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        fs::write(&object, &bytes).unwrap();
        match link(&job, &out) {
            Ok(_) => linked += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(linked > 0 && refused > 0, "{linked} {refused}");
    fs::remove_dir_all(&place).unwrap();
}
