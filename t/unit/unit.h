/* SPDX-License-Identifier: Apache-2.0 */
/* A unit test file defines its suite; unit_main.c runs it. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>

Suite *unit_suite(void);

#endif
