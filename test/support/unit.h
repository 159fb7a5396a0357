/* unit.h - cmocka with what it needs included first; the one header a test starts with. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Skips the running test and says why, as `SKIP name: reason` would in a suite of scripts. */
#define SKIP_TEST(reason)                   \
    do {                                    \
        print_message("# why: %s\n", (reason)); \
        skip();                             \
    } while (0)

#endif
