/* diag.c - the sink: redact, print, keep. */
#include "base/diag.h"

#include "base/env.h"
#include "base/redact.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

struct line {
    int64_t now_us;
    enum diag_level level;
    char tier[16];
    char *text;
};

static struct {
    pthread_mutex_t lock;
    enum diag_level least;
    bool json;
    struct line kept[DIAG_KEEP];
    uint64_t seq; /* lines ever said */
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = DIAG_INFO};

const char *diag_level_name(enum diag_level level) {
    static const char *const names[] = {"debug", "info", "warn", "error", "off"};
    return names[level];
}

void diag_setup(enum diag_level least, bool json) {
    sink.least = least;
    sink.json = json;
}

/* One line is one line: control characters would let input forge another. */
static void flatten(char *text) {
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F) *at = ' ';
}

static void keep(int64_t now_us, enum diag_level level, const char *tier, const char *text) {
    struct line *line = &sink.kept[sink.seq++ % DIAG_KEEP];
    base_free(line->text);
    *line = (struct line){now_us, level, "", base_strdup(text)};
    snprintf(line->tier, sizeof line->tier, "%s", tier);
}

static void print_line(int64_t now_us, enum diag_level level, const char *tier, const char *text) {
    int64_t day_s = now_us / 1000000 % 86400;
    if (!sink.json) {
        fprintf(stderr, "%02d:%02d:%02d.%03d %-5s %-9s %s\n", (int)(day_s / 3600),
                (int)(day_s / 60 % 60), (int)(day_s % 60), (int)(now_us / 1000 % 1000),
                diag_level_name(level), tier, text);
        return;
    }
    fprintf(stderr, "{\"ts_ms\":%" PRId64 ",\"level\":\"%s\",\"tier\":\"%s\",\"text\":\"",
            now_us / 1000, diag_level_name(level), tier);
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\') fputc('\\', stderr);
        fputc(*at, stderr);
    }
    fputs("\"}\n", stderr);
}

void diag_say(enum diag_level level, const char *tier, const char *format, ...) {
    if (level < sink.least) return;
    char text[DIAG_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= (int)sizeof text) memcpy(text + sizeof text - 4, "...", 4);
    int64_t now_us = env_now_us(env_real());
    redact_text(text);
    flatten(text);
    pthread_mutex_lock(&sink.lock);
    keep(now_us, level, tier, text);
    print_line(now_us, level, tier, text);
    pthread_mutex_unlock(&sink.lock);
}

void diag_each(void (*each)(void *arg, uint64_t seq, int64_t now_us, enum diag_level level,
                            const char *tier, const char *text), void *arg) {
    pthread_mutex_lock(&sink.lock);
    uint64_t seq = sink.seq > DIAG_KEEP ? sink.seq - DIAG_KEEP : 0;
    for (; seq < sink.seq; seq++) {
        const struct line *line = &sink.kept[seq % DIAG_KEEP];
        each(arg, seq, line->now_us, line->level, line->tier, line->text);
    }
    pthread_mutex_unlock(&sink.lock);
}
