/* suites.h - every suite of the one test binary. */
#ifndef AG_TEST_SUITES_H
#define AG_TEST_SUITES_H

#include <check.h>

Suite *suite_oracle(void);
Suite *suite_random(void);
Suite *suite_refusals(void);
Suite *suite_structs(void);
Suite *suite_plans(void);
Suite *suite_needs(void);
Suite *suite_properties(void);
Suite *suite_hosts(void);
Suite *suite_types(void);
Suite *suite_products(void);
Suite *suite_masks(void);
Suite *suite_golden(void);
Suite *suite_exact(void);
Suite *suite_strength(void);
Suite *suite_calls(void);
Suite *suite_limits(void);
Suite *suite_fork(void);
Suite *suite_guidance(void);
Suite *suite_guidance_calls(void);
Suite *suite_guidance_golden(void);
Suite *suite_weights(void);
Suite *suite_pictures(void);
Suite *suite_kernels(void);
Suite *suite_cuda(void);      /* on the emulated device */
Suite *suite_libraries(void); /* likewise, with stand-ins for cuDNN and cuBLAS */
Suite *suite_steps(void);

#endif
