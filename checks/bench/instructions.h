/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The number of instructions that QEMU has run: with -icount shift=0 the TSC
 * counts these.
 */
#include <asm/msr.h>

static __always_inline unsigned long instructions(void)
{
	unsigned long now;

	barrier();
	now = rdtsc();
	barrier();
	return now;
}

/* What is seen between two readings with nothing in between. */
static __always_inline unsigned long cost_of_measuring(void)
{
	unsigned long start = instructions();

	return instructions() - start;
}
