/* cli_http.c - libcurl to loopback, jansson to columns. */
#include "cli/cli_http.h"

#include "base/arena.h"
#include "base/err.h"

#include <curl/curl.h>
#include <stdio.h>

#define ANSWER_MAX (64 * MIB)
#define COL_MAX    12
#define CELL_MAX   60
#define TIMEOUT_MS 30000L

struct call {
    struct buf body;
    bool (*each)(void *arg, struct str event, struct str data);
    void *arg;
    bool over; /* `each` had enough */
};

/* Reads one of the folder's small files. */
static int read_file(const struct cli_line *line, const char *name, struct arena *arena,
                     struct str *out) {
    char *text;
    size_t len;
    const char *path = arena_printf(arena, "%s/%s", line->data, name).ptr;
    int err = env_read_whole(env_real(), path, 64 * KIB, &text, &len);
    if (err) return err;
    *out = arena_str(arena, (struct str){text, len});
    base_free(text);
    return 0;
}

static int base_url(const struct cli_line *line, struct arena *arena, const char **out) {
    struct str text;
    if (read_file(line, "addresses", arena, &text)) {
        fprintf(stderr, "sluice: no server has run in '%s'; start one with `sluice dev`, or name "
                        "its folder with --data\n", line->data);
        return CLI_UNREACHED;
    }
    json_t *root = json_loadb(text.ptr, text.len, 0, NULL);
    const char *address = json_string_value(json_object_get(root, "http"));
    *out = arena_printf(arena, "http://%s", address ? address : "127.0.0.1:8080").ptr;
    json_decref(root);
    return 0;
}

/* Hands over the whole events in the buffer, keeps the rest. */
static void take_events(struct call *call) {
    struct str left = buf_str(&call->body);
    const char *end;
    while (!call->over && (end = memmem(left.ptr, left.len, "\n\n", 2))) {
        struct str block = {left.ptr, (size_t)(end - left.ptr)}, event = STR_NULL, data = STR_NULL;
        left.len -= block.len + 2;
        left.ptr = end + 2;
        while (block.ptr) {
            struct str line = str_cut(block, '\n', &block);
            if (str_starts(line, STR("event: "))) event = (struct str){line.ptr + 7, line.len - 7};
            if (str_starts(line, STR("data: "))) data = (struct str){line.ptr + 6, line.len - 6};
        }
        if (data.ptr) call->over = !call->each(call->arg, event, data);
    }
    memmove(call->body.ptr, left.ptr, left.len);
    call->body.len = left.len;
}

static size_t take_bytes(char *ptr, size_t size, size_t cnt, void *arg) {
    struct call *call = arg;
    buf_put(&call->body, ptr, size * cnt);
    if (call->body.full) return 0;
    if (call->each) take_events(call);
    return call->over ? 0 : size * cnt;
}

/* 0 and *status, or an exit code after the reason was said. */
static int perform(const struct cli_line *line, const char *method, const char *path,
                   const char *body, struct call *call, long *status) {
    struct arena arena = ARENA_INIT;
    struct curl_slist *head = NULL;
    struct str token;
    const char *base;
    int code = base_url(line, &arena, &base);
    if (code) {
        arena_fini(&arena);
        return code;
    }
    CURL *curl = curl_easy_init();
    CHECK(curl);
    if (!read_file(line, "token", &arena, &token))
        head = curl_slist_append(head, arena_printf(&arena, "Authorization: Bearer %.*s",
                                                    STR_ARG(str_trim(token))).ptr);
    if (body) head = curl_slist_append(head, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, arena_printf(&arena, "%s%s", base, path).ptr);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (body) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (!call->each) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    if (rc != CURLE_OK && !call->over) {
        fprintf(stderr, "sluice: the server of '%s' at %s: %s; is it running?\n", line->data, base,
                curl_easy_strerror(rc));
        code = CLI_UNREACHED;
    }
    curl_slist_free_all(head);
    curl_easy_cleanup(curl);
    arena_fini(&arena);
    return code;
}

int cli_http_call(const struct cli_line *line, const char *method, const char *path,
                  const char *body, json_t **out) {
    struct call call = {0};
    long status = 0;
    *out = NULL;
    buf_init(&call.body, ANSWER_MAX);
    int code = perform(line, method, path, body, &call, &status);
    if (!code) *out = json_loadb(buf_str(&call.body).ptr, call.body.len, JSON_DECODE_ANY, NULL);
    buf_fini(&call.body);
    if (code) return code;
    if (status >= 200 && status < 300 && *out) return 0;
    const char *why = json_string_value(json_object_get(*out, "detail"));
    fprintf(stderr, "sluice: %s (HTTP %ld)\n", why ? why : "the answer is not JSON", status);
    json_decref(*out);
    *out = NULL;
    return CLI_NO;
}

int cli_http_events(const struct cli_line *line, const char *path,
                    bool (*each)(void *arg, struct str event, struct str data), void *arg) {
    struct call call = {.each = each, .arg = arg};
    long status = 0;
    buf_init(&call.body, ANSWER_MAX);
    int code = perform(line, "GET", path, NULL, &call, &status);
    if (!code && status >= 400) {
        fprintf(stderr, "sluice: %.*s (HTTP %ld)\n", (int)MIN(call.body.len, (size_t)300),
                call.body.ptr, status);
        code = CLI_NO;
    }
    buf_fini(&call.body);
    return code;
}

const char *cli_http_escape(struct arena *arena, const char *text) {
    char *escaped = curl_easy_escape(NULL, text, 0);
    CHECK(escaped);
    const char *copy = arena_strz(arena, str_of(escaped));
    curl_free(escaped);
    return copy;
}

/* ---- tables ---- */

static void put_cell(const json_t *value, struct buf *out) {
    if (json_is_string(value)) buf_putz(out, json_string_value(value));
    else if (json_is_null(value) || !value) buf_putc(out, '-');
    else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
        CHECK(text);
        buf_putz(out, text);
        free(text);
    }
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20) out->ptr[i] = ' ';
}

static const json_t *member_of(const json_t *row, struct str path) {
    char name[64];
    while (path.ptr && row) {
        struct str step = str_cut(path, '.', &path);
        snprintf(name, sizeof name, "%.*s", STR_ARG(step));
        row = json_object_get(row, name);
    }
    return row;
}

/* Display columns of UTF-8 text: its characters. */
static size_t width_of(struct str text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++) width += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return width;
}

static struct str cell_of(const json_t *row, struct str path, struct arena *arena) {
    struct buf cell;
    buf_init(&cell, MIB);
    put_cell(member_of(row, path), &cell);
    struct str text = arena_str(arena, buf_str(&cell));
    buf_fini(&cell);
    size_t chars = 0, len = 0;
    while (len < text.len && chars < CELL_MAX) {
        len++;
        while (len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) len++;
        chars++;
    }
    return len < text.len ? arena_printf(arena, "%.*s...", (int)len, text.ptr) : text;
}

static void print_rows(const json_t *rows, struct str *path, struct str *heading, size_t cols,
                       struct arena *arena) {
    size_t cnt = json_array_size(rows), width[COL_MAX];
    struct str *cell = arena_array(arena, struct str, (cnt + 1) * cols);
    for (size_t c = 0; c < cols; c++) {
        cell[c] = heading[c];
        width[c] = heading[c].len;
        for (size_t r = 0; r < cnt; r++) {
            cell[(r + 1) * cols + c] = cell_of(json_array_get(rows, r), path[c], arena);
            width[c] = MAX(width[c], width_of(cell[(r + 1) * cols + c]));
        }
    }
    for (size_t r = 0; r <= cnt; r++)
        for (size_t c = 0; c < cols; c++) {
            struct str text = cell[r * cols + c];
            bool last = c + 1 == cols;
            printf("%.*s%*s", STR_ARG(text), last ? 0 : (int)(width[c] - width_of(text) + 2), "");
            if (last) putchar('\n');
        }
}

int cli_http_table(const struct cli_line *line, json_t *answer, const char *array,
                   const char *columns) {
    struct arena arena = ARENA_INIT;
    struct str path[COL_MAX], heading[COL_MAX], left = str_of(columns);
    size_t cols = 0;
    if (line->format == CLI_JSON) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        while (left.ptr && cols < COL_MAX) {
            path[cols] = str_cut(str_cut(left, ' ', &left), ':', &heading[cols]);
            cols++;
        }
        print_rows(json_object_get(answer, array), path, heading, cols, &arena);
    }
    json_decref(answer);
    arena_fini(&arena);
    return CLI_OK;
}
