/* suites.h - every suite of the one test binary. */
#ifndef AG_TEST_SUITES_H
#define AG_TEST_SUITES_H

#include <check.h>

/* Every suite adds its tests by these alone. Of all tests and turns of loops a process has a share (main.c); where each
 * turn is slow, a_share(n) of n alike are enough: every AG_TEST_SHARE-th. */
void add_test(TCase *c, const TTest *test);
void add_loop(TCase *c, const TTest *test, int from, int to);
int a_share(int n);

Suite *suite_oracle(void);
Suite *suite_random(void);
Suite *suite_refusals(void);
Suite *suite_structs(void);
Suite *suite_unused(void);
Suite *suite_memory(void);
Suite *suite_plans(void);
Suite *suite_methods(void);
Suite *suite_needs(void);
Suite *suite_queries(void);
Suite *suite_reads(void);
Suite *suite_properties(void);
Suite *suite_hosts(void);
Suite *suite_types(void);
Suite *suite_products(void);
Suite *suite_masks(void);
Suite *suite_studies(void);
Suite *suite_finite(void);
Suite *suite_hidden(void);
Suite *suite_extreme(void);
Suite *suite_golden(void);
Suite *suite_exact(void);
Suite *suite_strength(void);
Suite *suite_calls(void);
Suite *suite_limits(void);
Suite *suite_fork(void);
Suite *suite_threads(void);
Suite *suite_guidance(void);
Suite *suite_guidance_calls(void);
Suite *suite_guidance_golden(void);
Suite *suite_guidance_rules(void);
Suite *suite_weights(void);
Suite *suite_sampler(void);
Suite *suite_pictures(void);
Suite *suite_instructions(void);
Suite *suite_kernels(void);
Suite *suite_reached(void);   /* runs last: what the others have reached */
Suite *suite_cuda(void);      /* on the emulated device */
Suite *suite_libraries(void); /* likewise, with stand-ins for cuDNN and cuBLAS */
Suite *suite_steps(void);
Suite *suite_numbers(void);

#endif
