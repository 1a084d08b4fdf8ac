/* main.c - all suites in one run. Argument: the folder of the golden cases, tests/golden/attention if absent. With
 * AG_TEST_PLACE=cuda those that run on any place, on the emulated device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/emulated.h"
#include "golden.h"
#include "kernels.h"
#include "suites.h"

static Suite *(*const everything[])(void) = {
    suite_oracle,         suite_random,          suite_refusals, suite_structs,  suite_plans,    suite_needs,
    suite_properties,     suite_hosts,           suite_calls,    suite_exact,    suite_strength, suite_types,
    suite_products,       suite_masks,           suite_golden,   suite_limits,   suite_fork,     suite_guidance,
    suite_guidance_calls, suite_guidance_golden, suite_weights,  suite_pictures, suite_kernels,  NULL,
};

/* Those whose data lie in buffers, which any place can reach. */
static Suite *(*const anywhere[])(void) = {
    suite_cuda, suite_libraries, suite_steps, suite_strength, suite_masks, suite_guidance, suite_kernels, NULL,
};

int main(int argc, char **argv)
{
    const char *place = getenv("AG_TEST_PLACE");
    const int cuda = place && !strcmp(place, "cuda");
    if (argc > 1) golden_folder = argv[1];
    if (cuda && !emulated_begin()) {
        puts("AG_CUDA_PLUGIN names no emulated device\n0 passed, 1 failed, 0 skipped");
        return 1;
    }
    const int skipped = kernels_skipped();
    fflush(stdout); /* every forked test would print it again */
    Suite *(*const *suite)(void) = cuda ? anywhere : everything;
    SRunner *runner = srunner_create((*suite++)());
    while (*suite) srunner_add_suite(runner, (*suite++)());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    printf("%d passed, %d failed, %d skipped\n", run - failed, failed, skipped);
    return failed != 0;
}
