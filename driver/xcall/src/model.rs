//! What the model checker is asked: every interleaving (and every reordering that the memory model allows) of two and
//! three threads, and of more with a bound on preemptions. `make loom` runs them.
//!
//! A thread is a CPU. loom's fences are sequentially consistent, its accesses at most acquire and release; see
//! [`fence_of_swap`](crate::sync::fence_of_swap).

mod mesh;
mod pending;
mod quiescence;
mod slot;

/// Every interleaving.
fn exhaustive(model: impl Fn() + Sync + Send + 'static) {
    loom::model::Builder::new().check(model);
}

/// Every interleaving with at most so many preemptions, and as many more as `DEEPER=n` says.
fn bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let deeper = std::env::var("DEEPER").ok().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions + deeper);
    builder.check(model);
}
