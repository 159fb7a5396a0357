/* mistake.c - the list of what is wrong with a query. */
#include "stream/sql/mistake.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

#define NEAR_MAX 3

void mistake_init(struct mistakes *all, struct arena *arena, struct str sql) {
    memset(all, 0, sizeof *all);
    all->arena = arena;
    all->sql = sql;
}

static PRINTF_LIKE(2, 0) struct str format_text(struct arena *arena, const char *format,
                                                va_list args) {
    char text[ERR_NOTE_MAX];
    int len = vsnprintf(text, sizeof text, format, args);
    size_t kept = len < 0 ? 0 : MIN((size_t)len, sizeof text - 1);
    return arena_str(arena, (struct str){text, kept});
}

struct mistake *mistake_add(struct mistakes *all, enum err err, struct span span,
                            const char *format, ...) {
    assert(span.from <= span.to);
    static _Thread_local struct mistake spare; /* past the limit: taken and forgotten */
    struct mistake *mistake = all->cnt < MISTAKE_MAX ? &all->list[all->cnt] : &spare;
    for (uint32_t i = 0; i < all->cnt; i++)
        if (all->list[i].placed && !all->prefix.len && all->list[i].span.from == span.from)
            mistake = &spare;
    if (!all->err) all->err = err;
    va_list args;
    va_start(args, format);
    struct str text = format_text(all->arena, format, args);
    va_end(args);
    bool placed = !all->prefix.len;
    if (!placed)
        text = arena_printf(all->arena, "%.*s: %.*s", STR_ARG(all->prefix), STR_ARG(text));
    *mistake = (struct mistake){span, placed, text, STR("")};
    if (mistake != &spare) all->cnt++;
    return mistake;
}

void mistake_hint(struct mistakes *all, struct mistake *mistake, const char *format, ...) {
    va_list args;
    va_start(args, format);
    mistake->hint = format_text(all->arena, format, args);
    va_end(args);
}

void mistake_near(struct mistakes *all, struct mistake *mistake, struct str wrong,
                  const struct str *names, size_t cnt) {
    struct str near[NEAR_MAX];
    size_t found = str_near(wrong, names, cnt, near, NEAR_MAX);
    if (!found) return;
    struct str text = arena_printf(all->arena, "did you mean %.*s", STR_ARG(near[0]));
    for (size_t i = 1; i < found; i++)
        text = arena_printf(all->arena, "%.*s%s%.*s", STR_ARG(text),
                            i + 1 == found ? " or " : ", ", STR_ARG(near[i]));
    mistake->hint = arena_printf(all->arena, "%.*s?", STR_ARG(text));
}

/* Columns count characters, not bytes. */
static void place(struct str sql, uint32_t at, uint32_t *line, uint32_t *col) {
    *line = 1, *col = 1;
    for (uint32_t i = 0; i < at && i < sql.len; i++) {
        if (sql.ptr[i] == '\n') *line += 1, *col = 1;
        else if (((unsigned char)sql.ptr[i] & 0xC0) != 0x80) *col += 1;
    }
}

static void sort(struct mistakes *all) {
    for (uint32_t i = 1; i < all->cnt; i++) {
        struct mistake moved = all->list[i];
        uint32_t at = i;
        for (; at && all->list[at - 1].span.from > moved.span.from &&
               all->list[at - 1].placed && moved.placed; at--)
            all->list[at] = all->list[at - 1];
        all->list[at] = moved;
    }
}

int mistake_done(struct mistakes *all, struct stream_errors *out) {
    sort(all);
    out->error = arena_array(all->arena, struct stream_error, all->cnt);
    out->cnt = all->cnt;
    for (uint32_t i = 0; i < all->cnt; i++) {
        const struct mistake *from = &all->list[i];
        struct stream_error *to = &out->error[i];
        *to = (struct stream_error){.text = from->text, .hint = from->hint};
        if (!from->placed) continue;
        place(all->sql, from->span.from, &to->line, &to->col);
        to->len = from->span.to - from->span.from;
    }
    if (!all->err) return 0;
    const struct stream_error *first = &out->error[0];
    return err_fail((enum err)all->err, "SQL line %u, column %u: %.*s%s%.*s", first->line,
                    first->col, STR_ARG(first->text), first->hint.len ? "; " : "",
                    STR_ARG(first->hint));
}
