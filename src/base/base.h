/* base.h - the few words every file uses: attributes, sizes, checks.
 *
 * CHECK is always on and means "continuing would lose or corrupt data". assert is for our own
 * mistakes and goes away in release builds. NEVER marks what no test can reach. None is for
 * input: input gets an error (err.h). */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE         __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define NORETURN          __attribute__((noreturn))
#define UNUSED           __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)    ((a) < (b) ? (a) : (b))
#define MAX(a, b)    ((a) > (b) ? (a) : (b))

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

#define CHECK(cond)                                                                               \
    do {                                                                                          \
        if (!(cond)) base_die(__FILE__, __LINE__, #cond);                                         \
    } while (0)
#define NEVER() base_die(__FILE__, __LINE__, "reached what cannot be reached")

/* Prints place and condition on stderr and aborts. */
NORETURN void base_die(const char *file, int line, const char *what);

/* Heap memory that never comes back NULL: a process that cannot get a few bytes stops here, and
 * what it acknowledged is on disk. Sizes that come from input are limited before they get here. */
void *base_alloc(size_t len) MUST_USE;             /* not zeroed */
void *base_calloc(size_t cnt, size_t size) MUST_USE; /* zeroed; overflow of cnt*size dies */
void *base_realloc(void *old, size_t len) MUST_USE;
char *base_strdup(const char *text) MUST_USE;
void base_free(void *ptr); /* NULL is allowed */

#endif
