# SPDX-License-Identifier: GPL-2.0
# The front door: "make help" lists what there is. What is done is in assemble/, in checks/, and in the selftests' qemu/.

MAKEFLAGS += --no-print-directory

ifneq ($(words $(CURDIR))$(findstring :,$(CURDIR)),1)
$(error a kernel cannot be built in a folder with blanks or colons in its path: $(CURDIR))
endif

# The kernel that the series is put on.
export BASE ?= 6.12

build := $(CURDIR)/build/$(BASE)
linux := $(build)/linux
pristine := $(build)/base/linux

# $(call qemu,ARCH,O): the harness in the patched tree, for a kernel built in build/BASE/O.
qemu = +@$(MAKE) -C $(linux)/tools/testing/selftests/clone_with_pids/qemu KSRC=$(linux) ARCH=$(1) O=$(build)/$(2)

help:
	@echo 'The main job, and the tests (each installs what it needs, and builds the kernel first):'
	@echo '  demo          checkpoint, kill and restart a tree of processes in a guest, all pids kept'
	@echo '  test          all tests on the x86_64 kernel: 64-bit, 32-bit and x32 programs'
	@echo 'Also:'
	@echo '  test-i386     the 32-bit tests on a native 32-bit kernel'
	@echo '  kunit         the KUnit tests, on ARCH=um and in a guest; quick, once built'
	@echo '  shell         a shell on the patched kernel, with the sample programs'
	@echo '  tree          build/$(BASE)/linux: the patched kernel source, a git repository'
	@echo '  kernel        build/$(BASE)/x86_64/arch/x86/boot/bzImage'
	@echo '  kernel-base   build/$(BASE)/base/x86_64/arch/x86/boot/bzImage: unpatched, same config'
	@echo '  series        build/$(BASE)/series: the series as mails, for git am or git send-email'
	@echo '  refresh       write the commits in build/$(BASE)/linux back to patches/ and the files here'
	@echo '  man           the man page as text'
	@echo '  trace         the call as a syscall tracepoint shows it, in a guest'
	@echo '  clean         remove build/$(BASE), unless build/$(BASE)/linux has work that is not here'
	@echo '  criu          Debian'"'"'s CRIU restores applications through the call, in a guest; 3 minutes; CRIU='
	@echo '  bench         what calls cost and how long they hold pidmap_lock, in instructions, before and after; 4 minutes'
	@echo 'Checks:'
	@echo '  check-style   checkpatch, kernel-doc, shellcheck, sparse'
	@echo '  check-harness does the harness see every kind of failure?'
	@echo '  check-config  kernels without CONFIG_CLONE_WITH_PIDS, and without CONFIG_PID_NS'
	@echo '  check-debug   all tests on kernels that look for wrong use of memory and locks, leaks, and data races; DEBUG='
	@echo '  check-fuzz    random calls against a model of them, a million; FUZZ_CALLS= FUZZ_SEED='
	@echo '  check-stress  races on 2 and on 4 CPUs, 5 minutes each; STRESS_SECONDS='
	@echo '  check-samples the long cases of the sample programs, 10,000 processes among them'
	@echo '  check-mutants is each kernel in checks/mutants/ caught by the tests? MUTANTS='
	@echo '  check-others  kselftests and stress-ng: does anything differ between the unpatched and the patched kernel?'
	@echo '  check-series  each commit builds, boots, and breaks no selftest; git am gives the same tree'
	@echo '  check         all of these, test, test-i386 and kunit'
	@echo '  check-long    check, then fuzz, stress and the slow mutants for a night'
	@echo 'For another kernel, 6.12 unless told: BASE=7.3 (the newest)'

deps:
	@assemble/deps.sh

tree: deps
	@assemble/tree.sh

demo test shell kernel: tree
	$(call qemu,x86_64,x86_64) $(if $(filter test,$@),run,$@)

test-i386: tree
	$(call qemu,i386,i386) run

kunit: tree
	@checks/kunit.sh

kernel-base: tree
	@assemble/base.sh
	$(call qemu,x86_64,base/x86_64) kernel KSRC=$(pristine)

trace: tree
	@checks/trace.sh

series: tree
	@assemble/mails.sh

refresh:
	@assemble/refresh.sh

check: check-style check-harness test test-i386 kunit check-samples check-config check-debug check-fuzz check-stress check-mutants
check: check-others check-series criu

man:
	@assemble/deps.sh mandoc
	@mandoc -T utf8 man/clone_with_pids.2

check-long: check
	@FUZZ_CALLS=20000000 checks/fuzz.sh
	@STRESS_SECONDS=7200 checks/stress.sh
	@checks/mutants.sh slow/no-ia32 slow/no-x32

check-others check-series: kernel kernel-base

check-style check-samples check-config check-debug check-fuzz check-stress check-mutants check-others check-series: check-%: tree
	@checks/$*.sh $($*-names)

debug-names = $(DEBUG)
mutants-names = $(MUTANTS)
criu-names = $(CRIU)

check-harness: tree
	$(call qemu,x86_64,x86_64) selfcheck

bench criu: kernel-base
	@checks/$@.sh $($@-names)

bench: kernel

clean:
	@assemble/clean.sh

.PHONY: help deps tree demo test shell kernel test-i386 kunit kernel-base series refresh man trace clean bench criu check check-long
.PHONY: check-style check-samples check-harness check-config check-debug check-fuzz check-stress check-mutants check-others check-series
.NOTPARALLEL:
