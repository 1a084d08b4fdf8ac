/* main.c - all suites in one run. Argument: the folder of the golden cases, tests/golden/attention if absent. */
#include <stdio.h>

#include "golden.h"
#include "kernels.h"
#include "suites.h"

int main(int argc, char **argv)
{
    if (argc > 1) golden_folder = argv[1];
    const int skipped = kernels_skipped();
    fflush(stdout); /* every forked test would print it again */
    SRunner *runner = srunner_create(suite_oracle());
    srunner_add_suite(runner, suite_random());
    srunner_add_suite(runner, suite_refusals());
    srunner_add_suite(runner, suite_structs());
    srunner_add_suite(runner, suite_plans());
    srunner_add_suite(runner, suite_needs());
    srunner_add_suite(runner, suite_properties());
    srunner_add_suite(runner, suite_hosts());
    srunner_add_suite(runner, suite_calls());
    srunner_add_suite(runner, suite_exact());
    srunner_add_suite(runner, suite_strength());
    srunner_add_suite(runner, suite_types());
    srunner_add_suite(runner, suite_products());
    srunner_add_suite(runner, suite_masks());
    srunner_add_suite(runner, suite_golden());
    srunner_add_suite(runner, suite_limits());
    srunner_add_suite(runner, suite_fork());
    srunner_add_suite(runner, suite_guidance());
    srunner_add_suite(runner, suite_guidance_calls());
    srunner_add_suite(runner, suite_guidance_golden());
    srunner_add_suite(runner, suite_weights());
    srunner_add_suite(runner, suite_pictures());
    srunner_add_suite(runner, suite_kernels());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner), run = srunner_ntests_run(runner);
    srunner_free(runner);
    printf("%d passed, %d failed, %d skipped\n", run - failed, failed, skipped);
    return failed != 0;
}
