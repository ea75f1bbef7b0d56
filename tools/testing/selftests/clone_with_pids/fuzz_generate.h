/* SPDX-License-Identifier: GPL-2.0 */
/* Random operations that make sense in the state that the model is in. */
#ifndef SELFTEST_FUZZ_GENERATE_H
#define SELFTEST_FUZZ_GENERATE_H

#include "fuzz_op.h"

void start_generator(__u64 seed, unsigned int round);
void generate(struct op *op);

#endif /* SELFTEST_FUZZ_GENERATE_H */
