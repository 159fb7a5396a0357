/* mutant.h - faults built in on purpose, to prove that the tests would see them.
 *
 * MUTANT("ack-before-fsync") is false, and costs nothing, unless the build defines SLUICE_MUTANTS
 * (never a release build) and the environment variable SLUICE_MUTANT has that name. A test that
 * claims to guard a promise runs once more with the promise broken, and must turn red. */
#ifndef BASE_MUTANT_H
#define BASE_MUTANT_H

#include "base/base.h"

#ifdef SLUICE_MUTANTS
#include <stdlib.h>

static inline bool mutant_is(const char *name) {
    const char *set = getenv("SLUICE_MUTANT");
    return set && strcmp(set, name) == 0;
}
#define MUTANT(name) mutant_is(name)
#else
#define MUTANT(name) false
#endif

#endif
