/* main.c - tinydiff's tests; run from the root of the tree. */
#include "suites.h"
#include <stdio.h>

int main(void)
{
    SRunner *runner = srunner_create(data_suite());
    srunner_add_suite(runner, weights_suite());
    srunner_add_suite(runner, engine_suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    printf("%d passed, %d failed, 0 skipped\n", srunner_ntests_run(runner) - failed, failed);
    srunner_free(runner);
    return failed != 0;
}
