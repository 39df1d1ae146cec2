/* SPDX-License-Identifier: Apache-2.0 */
/* main() of every unit test: one suite a program, TAP on stdout. */
#include <stdlib.h>

#include <apr_general.h>
#include <check.h>

#include "unit.h"

int main(void)
{
    SRunner *runner;
    int failed;

    apr_initialize();
    runner = srunner_create(unit_suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    apr_terminate();
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
