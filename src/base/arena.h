/* arena.h - memory that is freed by lifetime: one arena per request, batch, checkpoint or run.
 *
 * Thread: one thread at a time. Memory: everything lives until arena_reset()/arena_fini().
 * Limits: an arena refuses nothing; what comes from input is limited before it gets here. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"
#include "base/str.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunk; /* newest first */
    char *at, *end;            /* free space of the newest chunk */
    size_t used;               /* bytes handed out since the last reset */
};

#define ARENA_INIT {NULL, NULL, NULL, 0}

void arena_init(struct arena *arena);
void arena_fini(struct arena *arena);  /* frees all; the arena may be used again */
void arena_reset(struct arena *arena); /* forgets all, keeps the largest chunk for reuse */

void *arena_alloc(struct arena *arena, size_t len) MUST_USE;               /* 16-byte aligned */
void *arena_calloc(struct arena *arena, size_t cnt, size_t size) MUST_USE; /* zeroed */
#define arena_new(arena, type)        ((type *)arena_calloc((arena), 1, sizeof(type)))
#define arena_array(arena, type, cnt) ((type *)arena_calloc((arena), (cnt), sizeof(type)))
/* Unaligned bytes, packed: for text. */
char *arena_bytes(struct arena *arena, size_t len) MUST_USE;
struct str arena_str(struct arena *arena, struct str text) MUST_USE; /* a copy, 0 after it */
char *arena_strz(struct arena *arena, struct str text) MUST_USE;     /* a copy as a C string */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
