//! Thousands of images that are bent or mere noise: each is accepted or refused, what is accepted runs, and all of it goes
//! with its process.

use dtrace_engine::errno::Errno;
use dtrace_engine::mock::Rig;

use crate::image;
use crate::images::helpers;
use crate::random::Random;
use crate::world::*;
use dtrace_abi::dif::*;

fn samples() -> Vec<Vec<u8>> {
    let rich = Helper::new()
        .clause(None, &[assign(0, call(SUBR_COPYINSTR, VAR_ARG0)), get(0)])
        .clause(Some(arg0_is(7)), &[call(SUBR_LLTOSTR, VAR_ARG1), text("seven")])
        .clause(None, &[call(SUBR_ALLOCA, VAR_ARG0), load(VAR_ARG1), get(0)]);
    vec![image::helper().build(), rich.image(), constant("frame")]
}

fn bend(random: &mut Random, image: &mut Vec<u8>) {
    match random.below(8) {
        0 => {
            image.truncate(64 + random.below(image.len() - 64));
            let len = image.len() as u64;
            image[40..48].copy_from_slice(&len.to_le_bytes());
        }
        1 => {
            let at = random.below(image.len() / 4) * 4;
            let word = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0x1000][random.below(6)];
            image[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        _ => {
            for _ in 0..1 + random.below(4) {
                let at = random.below(image.len());
                image[at] ^= 1 << random.below(8);
            }
        }
    }
}

#[test]
fn bent_images_are_refused_or_run_harmlessly() {
    let rig = Rig::new(1, &[["mod", "func", "entry"]]);
    let mut random = Random(0x0123_4567_89ab_cdef);
    become_process(100);
    let stacks = Stacks::new(&rig, 3, 64);
    let samples = samples();
    let (mut accepted, mut refused) = (0, 0);
    let rounds = if cfg!(miri) { 20u32 } else { 6_000 };
    for round in 0..rounds {
        become_process(1000 + round % 50);
        let mut image = samples[random.below(samples.len())].clone();
        bend(&mut random, &mut image);
        match bring_at(&rig, &image, random.next(), "bent") {
            Ok(generation) => {
                accepted += 1;
                assert!(generation >= 1);
                stacks.record();
                if random.below(2) == 0 {
                    take_back(&rig, generation).unwrap();
                }
            }
            Err(Errno::EINVAL | Errno::E2BIG | Errno::EFAULT) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        if random.below(20) == 0 {
            rig.dtrace().process_ended();
        }
    }
    assert!(accepted > rounds / 12 && refused > rounds / 6, "{accepted} accepted, {refused} refused");
    assert_eq!(stacks.status().errors, 0, "a helper's fault is not the clause's");
    for pid in 1000..1050 {
        become_process(pid);
        rig.dtrace().process_ended();
    }
    rig.dtrace().housekeep();
    assert_eq!(helpers(&rig), 0);
}
