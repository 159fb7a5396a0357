/* base.c - the last words of a process, and memory that is never NULL. */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>

void base_die(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, what);
    fflush(stderr);
    abort();
}

void *base_alloc(size_t len) {
    void *ptr = malloc(len ? len : 1);
    if (!ptr) base_die(__FILE__, __LINE__, "out of memory");
    return ptr;
}

void *base_calloc(size_t cnt, size_t size) {
    void *ptr = calloc(cnt ? cnt : 1, size ? size : 1);
    if (!ptr) base_die(__FILE__, __LINE__, "out of memory");
    return ptr;
}

void *base_realloc(void *old, size_t len) {
    void *ptr = realloc(old, len ? len : 1);
    if (!ptr) base_die(__FILE__, __LINE__, "out of memory");
    return ptr;
}

char *base_strdup(const char *text) {
    size_t len = strlen(text) + 1;
    return memcpy(base_alloc(len), text, len);
}

void base_free(void *ptr) {
    free(ptr);
}
