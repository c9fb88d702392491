/* What the fixture's files share. */
#ifndef TAMGA_TEST_FIXTURE_INTERNAL_H
#define TAMGA_TEST_FIXTURE_INTERNAL_H

#include "base/err.h"

/* Abort with what could not be done, unless err is OK. */
void test_must(enum tamga_err err, const char *what);

#endif
