# The verbs a person types. What they do is in scripts beside what it concerns; make help lists them.

.PHONY: help setup run test torture exact fuzz miri loom race tsan crosscall kernels bench build guest shell compat compat-api conformance install install-lib load unload dkms clean
.DEFAULT_GOAL := help

KERNEL ?= 6.1
PREFIX ?= /usr
DESTDIR ?=
export BENCH PEER KERNEL CPUS ROUNDS DEEPER MEM TIMEOUT FILES NODRIVER DTRACE ACCEL COUNTED LOG APPEND ONLY SEED V

running := $(shell uname -r)
version = $(shell driver/build --version)
dkms-tree = $(DESTDIR)/usr/src/dtracedrv-$(version)
# Where libdtrace is installed from: what install-lib builds, or a directory that libdtrace-rs/capi/build has filled.
library = $(or $(LIBRARY),build/libdtrace)
headers = dtrace.h dtrace_macros.h libproc.h sys/dtrace.h sys/dtrace_macros.h sys/dtrace_ctl.h sys/fasttrap.h
target-dir = $(or $(CARGO_TARGET_DIR),target)
# One word for the shell, whatever is in it.
quote = '$(subst ','\'',$(1))'

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r verb text; do \
		printf '  make %-11s %s\n' "$$verb" "$$text"; done

setup: ## install what is missing to build, test and run (Debian 12, root or sudo); the verbs below do it themselves
	@compat-tests/guest/setup

run: setup ## trace a guest at work: D='syscall::openat:entry { ... }' (default: system calls by program)
	@compat-tests/guest/demo $(if $(D),$(call quote,$(value D)))

test: setup ## every test, natively and in the guest
	@compat-tests/test $(ORIG)

torture: setup ## in a guest: ten million firings in each policy, a thousand consumers killed, all ioctls fuzzed (ONLY='92*', SEED=)
	@compat-tests/torture

exact: setup ## natively, optimised: ten million firings in each policy, a thousand abandoned consumers, ten million bent images
	@driver/exact

fuzz: setup ## each target for SECONDS=300, or one: TARGET=dof, dif (programs), ioctl or d (the compiler); what is found comes with how to repeat it
	@fuzz/run --seconds $(or $(SECONDS),300) $(TARGET)

miri: ## the tests of the engine and of xcall under Miri (needs a nightly toolchain with it): FILTER=part of a name
	@driver/miri $(FILTER)

loom: setup ## cross-calls and quiescence under the model checker: every interleaving (DEEPER=n: n more preemptions where bounded)
	@driver/xcall/loom

race: setup ## cross-calls, syncs, probes and teardown race natively for SECONDS=300
	@SECONDS_EACH=$(or $(SECONDS),300) cargo test --release --package dtrace-user --test crosscall -- --nocapture

tsan: ## the same race under ThreadSanitizer (needs a nightly toolchain with rust-src), for SECONDS=300
	@driver/tsan $(or $(SECONDS),300)

crosscall: setup ## cross-calls in a guest with 16 CPUs: all call all, timers call, CPUs are silent or go; times (ROUNDS=n)
	@compat-tests/crosscall

kernels: setup ## the driver on each kernel: builds, loads, traces, is tortured, unloads; writes docs/kernels.md (SERIES='5.10 6.1')
	@compat-tests/kernels $(SERIES)

bench: setup ## what a probe costs: nanoseconds natively, instructions in a guest; what the command takes (BENCH=native, guest or command)
	@bench/run

compat: setup ## the original dtrace command, ORIG=/path/to/dtrace, on our engine: natively, and on our driver in a guest
	@compat-tests/original/run $(ORIG)

compat-api: setup ## the original command's source, SRC=/path/to/its/cmd/dtrace, with our headers and our libdtrace
	@compat-tests/api/run $(SRC)

conformance: setup ## a DTrace test suite, SUITE=/path KIND=oracle or illumos, on our dtrace: PARTS='words of paths' JOBS= LIMIT=
	@compat-tests/conformance/run $(call quote,$(SUITE)) $(call quote,$(KIND)) $(PARTS)

build: setup ## the driver, dtracedrv.ko, for KERNEL=5.10, 6.1, 6.12, newest, 6.1-686, or a release with headers
	@driver/build $(KERNEL)

guest: setup ## CMD='...' as root in a guest with the driver: KERNEL= CPUS= MEM= TIMEOUT= FILES='host:guest ...'
	@compat-tests/guest/run $(call quote,$(value CMD))

shell: setup ## an interactive shell in such a guest
	@compat-tests/guest/run --shell

install: install-lib ## dtrace and libdtrace to PREFIX=/usr, the driver for this machine's kernel to /lib/modules (root)
	driver/build $(running)
	cargo build --release --package libdtrace-rs --bin dtrace
	install -D $(target-dir)/release/dtrace $(DESTDIR)$(PREFIX)/sbin/dtrace
	install -D -m 644 docs/dtrace.1 $(DESTDIR)$(PREFIX)/share/man/man1/dtrace.1
	install -D -m 644 build/$(running)/dtracedrv.ko $(DESTDIR)/lib/modules/$(running)/extra/dtracedrv.ko
	$(if $(DESTDIR),,depmod $(running))

install-lib: ## libdtrace for C to PREFIX=/usr: shared library, archive, headers, libdtrace.pc (root)
	$(if $(LIBRARY),,libdtrace-rs/capi/build --release build/libdtrace)
	install -D -m 644 $(library)/libdtrace.a $(DESTDIR)$(PREFIX)/lib/libdtrace.a
	install -D $(library)/libdtrace.so.1 $(DESTDIR)$(PREFIX)/lib/libdtrace.so.1
	ln -sf libdtrace.so.1 $(DESTDIR)$(PREFIX)/lib/libdtrace.so
	cd include && for header in $(headers); do \
		install -D -m 644 $$header $(DESTDIR)$(PREFIX)/include/$$header || exit; done
	install -D -m 644 docs/libdtrace.3 $(DESTDIR)$(PREFIX)/share/man/man3/libdtrace.3
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(version)|' libdtrace-rs/capi/libdtrace.pc.in \
		> $(DESTDIR)$(PREFIX)/lib/pkgconfig/libdtrace.pc
	$(if $(DESTDIR),,ldconfig)

load: ## load the installed driver into this machine's kernel, with the rules of /etc/dtrace.conf if there are any (root)
	modprobe dtracedrv
	[ ! -e /etc/dtrace.conf ] || cat /etc/dtrace.conf > /dev/dtrace

unload: ## and unload it (root)
	rmmod dtracedrv

dkms: ## the driver as DKMS sources, built for every kernel that this machine installs (root)
	driver/dkms $(dkms-tree)
	$(if $(DESTDIR),,dkms install dtracedrv/$(version))

clean: ## remove what was built here (downloads stay in ~/.cache/dtrace-rs)
	rm -rf build $(target-dir)
