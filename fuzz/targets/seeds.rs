//! Writes the images that our compiler makes of the programs in `fuzz/programs.d` to `fuzz/corpus/dof`: what the fuzzer
//! begins with. (Run it again when the compiler makes other images.)

use std::path::Path;

use dtrace_rs::d::parser::SpecKind;
use dtrace_rs::dof;

fn main() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let to = here.join("corpus/dof");
    std::fs::create_dir_all(&to).expect("a directory");
    for (name, sample) in ["sections", "helper"].iter().zip(fuzz::samples()) {
        std::fs::write(to.join(name), sample).expect("a file");
    }
    let programs = std::fs::read_to_string(here.join("programs.d")).expect("the programs");
    for program in programs.split("\n\n").filter(|program| !program.trim().is_empty()) {
        let (title, text) = program.trim().split_once('\n').expect("a title, then the program");
        let name = title.trim_start_matches("/*").trim_end_matches("*/").trim().replace(' ', "-");
        let mut handle = fuzz::embedded::handle();
        match handle.compile_string(text, SpecKind::Name, &[]) {
            Ok(program) => {
                std::fs::write(to.join(&name), dof::program_image(&program)).expect("a file");
                println!("{name}");
            }
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}
