/* report.c - collecting mistakes and showing them with their source line. */
#include "pipeline/report.h"

#include "base/redact.h"

#include <stdarg.h>
#include <stdio.h>

#define NEAR_MAX  3
#define NAMES_MAX 12

void report_init(struct report *report) {
    memset(report, 0, sizeof *report);
    report->item = base_calloc(REPORT_MAX, sizeof *report->item);
}

void report_fini(struct report *report) {
    base_free(report->item);
    arena_fini(&report->arena);
}

static bool is_later(const struct report_at *at, const struct report_at *than) {
    if (!str_eq(at->file, than->file)) return false;
    return at->line != than->line ? at->line > than->line : at->col > than->col;
}

void report_add(struct report *report, struct report_at at, struct str text, struct str hint) {
    if (report->cnt == REPORT_MAX) {
        report->more++;
        return;
    }
    at.file = arena_str(&report->arena, at.file);
    size_t i = report->cnt++;
    for (; i > 0 && is_later(&report->item[i - 1].at, &at); i--)
        report->item[i] = report->item[i - 1];
    report->item[i] = (struct report_item){at, arena_str(&report->arena, text),
                                           arena_str(&report->arena, hint)};
}

void report_addf(struct report *report, struct report_at at, struct str hint, const char *format,
                 ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_add(report, at, str_of(text), hint);
}

/* Line `number` (from 1) of the text; ptr NULL: there is none. */
static struct str line_of(struct str source, uint32_t number) {
    for (uint32_t i = 1; i < number && source.ptr; i++) str_cut(source, '\n', &source);
    struct str rest;
    return source.ptr && number ? str_cut(source, '\n', &rest) : STR_NULL;
}

/* The source line and a caret under the piece; tabs are kept so that the caret stays in place. */
static void put_place(const struct report_at *at, struct buf *out) {
    struct str line = line_of(at->source, at->line);
    if (!line.ptr) return;
    buf_printf(out, "%5u | %.*s\n      | ", at->line, STR_ARG(line));
    for (uint32_t i = 1; i < at->col && i <= line.len; i++)
        buf_putc(out, line.ptr[i - 1] == '\t' ? '\t' : ' ');
    buf_putc(out, '^');
    for (uint32_t i = 1; i < at->len && at->col + i <= line.len; i++) buf_putc(out, '~');
    buf_putc(out, '\n');
}

void report_text(const struct report *report, bool color, struct buf *out) {
    const char *bold = color ? "\033[1m" : "", *red = color ? "\033[1;31m" : "";
    const char *plain = color ? "\033[0m" : "";
    for (size_t i = 0; i < report->cnt; i++) {
        const struct report_item *item = &report->item[i];
        buf_printf(out, "%s%.*s:%u:%u:%s %s%s:%s %.*s\n", bold, STR_ARG(item->at.file),
                   item->at.line, item->at.col, plain, red, report->warnings ? "warning" : "error",
                   plain, STR_ARG(item->text));
        put_place(&item->at, out);
        if (item->hint.len) buf_printf(out, "        %.*s\n", STR_ARG(item->hint));
    }
    if (report->more) buf_printf(out, "... and %zu more\n", report->more);
    redact_buf(out);
}

void report_json(const struct report *report, struct buf *out) {
    buf_putc(out, '[');
    for (size_t i = 0; i < report->cnt; i++) {
        const struct report_item *item = &report->item[i];
        buf_putz(out, i ? ",{\"file\":" : "{\"file\":");
        buf_json(out, item->at.file);
        buf_printf(out, ",\"line\":%u,\"col\":%u,\"text\":", item->at.line, item->at.col);
        buf_json(out, item->text);
        buf_putz(out, ",\"hint\":");
        buf_json(out, item->hint);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    redact_buf(out);
}

struct str report_nearest(struct report *report, struct str wrong, const struct str *names,
                          size_t cnt) {
    struct str near[NEAR_MAX];
    size_t found = str_near(wrong, names, cnt, near, NEAR_MAX);
    struct buf text;
    buf_init(&text, 4 * KIB);
    if (found) buf_putz(&text, "did you mean ");
    else if (cnt) buf_putz(&text, "it may be: ");
    size_t shown = found ? found : MIN(cnt, (size_t)NAMES_MAX);
    for (size_t i = 0; i < shown; i++) {
        if (i) buf_putz(&text, found && i + 1 == shown ? " or " : ", ");
        if (found) buf_printf(&text, "'%.*s'", STR_ARG(near[i]));
        else buf_puts(&text, names[i]);
    }
    if (found) buf_putc(&text, '?');
    else if (cnt > shown) buf_putz(&text, ", ...");
    struct str out = arena_str(&report->arena, buf_str(&text));
    buf_fini(&text);
    return out;
}
