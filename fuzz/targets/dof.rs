//! Images into the loader, with all rights, with few, and as helpers. What is loaded must be as verification promises.
#![no_main]

use dtrace_abi::dif::{OP_BA, OP_BLEU, OP_RET};
use dtrace_engine::difo::{Difo, Limits};
use dtrace_engine::dof::{Program, Purpose};
use dtrace_engine::errno::Errno;
use fuzz::ledger::balanced;
use fuzz::sections::{Random, Sections};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|image: &[u8]| {
    let ways = [
        (Purpose::Enable, Limits::new(true)),
        (Purpose::Enable, Limits::new(false)),
        (Purpose::Helper { base: 0x1234_5678_9abc_def0 }, Limits::for_helper()),
    ];
    for (purpose, limits) in ways {
        balanced(|| match Program::load(image, purpose, &limits) {
            Ok(program) => check(&program, image),
            Err(error) => assert_ne!(Errno::from(error).code(), 0),
        });
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random::new(u64::from(seed));
    if random.below(8) != 0
        && let Some(mut sections) = Sections::parse(&data[..size])
    {
        for _ in 0..=random.below(3) {
            sections.bend(&mut random, &mut |bytes, used| fuzzer_mutate(bytes, used, bytes.len()));
        }
        let image = sections.build();
        if image.len() <= max_size {
            data[..image.len()].copy_from_slice(&image);
            return image.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
});

/// What the framework and the interpreter rely on.
fn check(program: &Program, image: &[u8]) {
    let holds = |index: Option<dtrace_engine::dof::DifoIndex>| {
        index.is_none_or(|index| program.difo(index).is_some())
    };
    for ecb in &program.ecbs {
        assert!(holds(ecb.predicate));
        for (at, action) in ecb.actions.iter().enumerate() {
            assert!(holds(action.difo));
            assert!(action.ntuple as usize <= at, "keys come before their aggregation");
        }
    }
    program.difos.iter().for_each(check_object);
    let bytes: usize = program.difos.iter().map(Difo::size).sum();
    assert!(bytes <= 64 * image.len() + (1 << 20), "{bytes} bytes out of {}", image.len());
}

fn check_object(difo: &Difo) {
    let text = difo.text();
    assert_eq!(text.last().map(|last| last.op()), Some(OP_RET));
    for (at, instruction) in text.iter().enumerate() {
        if (OP_BA..=OP_BLEU).contains(&instruction.op()) {
            let to = instruction.label() as usize;
            assert!(to > at && to < text.len(), "a branch from {at} to {to} of {}", text.len());
        }
    }
}
