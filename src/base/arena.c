/* arena.c - a chain of chunks, each twice the last up to a limit, and a pointer into the newest. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define CHUNK_MIN (4 * KIB)
#define CHUNK_MAX (1 * MIB)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* of `data` */
    _Alignas(16) char data[];
};

void arena_init(struct arena *arena) {
    memset(arena, 0, sizeof *arena);
}

static void chunks_free(struct arena_chunk *chunk) {
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        base_free(chunk);
        chunk = older;
    }
}

void arena_fini(struct arena *arena) {
    chunks_free(arena->chunk);
    arena_init(arena);
}

void arena_reset(struct arena *arena) {
    struct arena_chunk *keep = arena->chunk;
    if (!keep) return;
    chunks_free(keep->older);
    keep->older = NULL;
    arena->at = keep->data;
    arena->end = keep->data + keep->size;
    arena->used = 0;
}

static void arena_grow(struct arena *arena, size_t need) {
    size_t size = arena->chunk ? MIN(arena->chunk->size * 2, CHUNK_MAX) : CHUNK_MIN;
    if (size < need) size = need;
    struct arena_chunk *chunk = base_alloc(sizeof *chunk + size);
    chunk->older = arena->chunk;
    chunk->size = size;
    arena->chunk = chunk;
    arena->at = chunk->data;
    arena->end = chunk->data + size;
}

void *arena_alloc(struct arena *arena, size_t len) {
    CHECK(len < SIZE_MAX / 2);
    size_t pad = (size_t)(-(uintptr_t)arena->at & 15);
    if (!arena->at || (size_t)(arena->end - arena->at) < len + pad) {
        arena_grow(arena, len + 16);
        pad = (size_t)(-(uintptr_t)arena->at & 15);
    }
    void *ptr = arena->at + pad;
    arena->at += pad + len;
    arena->used += len;
    return ptr;
}

void *arena_calloc(struct arena *arena, size_t cnt, size_t size) {
    size_t len;
    CHECK(!__builtin_mul_overflow(cnt, size, &len));
    return memset(arena_alloc(arena, len), 0, len);
}

char *arena_bytes(struct arena *arena, size_t len) {
    CHECK(len < SIZE_MAX / 2);
    if (!arena->at || (size_t)(arena->end - arena->at) < len) arena_grow(arena, len);
    char *ptr = arena->at;
    arena->at += len;
    arena->used += len;
    return ptr;
}

struct str arena_str(struct arena *arena, struct str text) {
    char *copy = arena_strz(arena, text);
    return (struct str){copy, text.len};
}

char *arena_strz(struct arena *arena, struct str text) {
    char *copy = arena_bytes(arena, text.len + 1);
    if (text.len) memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}

struct str arena_printf(struct arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    char *text = arena_bytes(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return (struct str){text, (size_t)len};
}
