/* segment_fuzz.c - any bytes as the files of a partition: the log opens or says why not, hands out
 * only what passes its CRC, and takes appends afterwards.
 *
 * Input: 1 byte what it is (0 segment, 1 index, 2 time index, 3 checkpoint, 4 producers), the rest
 * its content; the other files are sound. */
#include "base/diag.h"
#include "log/log.h"
#include "wire/kafka/recbatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct log *open_log(struct env *env) {
    struct log *log = NULL;
    struct log_conf conf = {.env = env, .url = "embedded:l", .inline_commit = true};
    return log_open(&log, &conf) ? NULL : log;
}

static int64_t put(struct log *log, int64_t first) {
    struct buf buf;
    struct recbatch_build build;
    int64_t base;
    buf_init(&buf, MIB);
    recbatch_begin(&build, &buf);
    build.producer_id = 5;
    build.producer_epoch = 0;
    build.base_sequence = (int32_t)first;
    for (int i = 0; i < 3; i++) {
        struct record rec = {.value = STR("value"), .ts_ms = 1700000000000 + i};
        CHECK(recbatch_add(&build, &rec) == 0);
    }
    CHECK(recbatch_seal(&build) == 0);
    int err = log_append(log, STR("t"), 0, buf_str(&buf), &base);
    buf_fini(&buf);
    return err ? -1 : base;
}

static void put_file(struct env *env, const char *path, struct str bytes) {
    struct env_file *file;
    CHECK(env_open(env, path, ENV_WRITE | ENV_CREATE | ENV_TRUNC, &file) == 0);
    CHECK(env_write(file, 0, bytes.ptr, bytes.len) == 0);
    env_file_close(file);
}

static void read_all(struct log *log) {
    struct arena arena = ARENA_INIT;
    struct log_span span;
    int64_t offset, ts;
    CHECK(log_span(log, STR("t"), 0, &span) == 0);
    int tries = 0;
    for (int64_t at = span.start; at < span.end && tries++ < 50;) {
        struct str out;
        struct recbatch_head head;
        if (log_read(log, STR("t"), 0, at, 1000, &arena, &out)) at++;
        for (; out.len; out.ptr += head.size, out.len -= head.size) {
            CHECK(recbatch_check(out, &head) == 0);
            CHECK(recbatch_end(&head) > at);
            at = recbatch_end(&head);
        }
    }
    if (log_seek_time(log, STR("t"), 0, 1700000000001, &offset, &ts)) offset = -1;
    CHECK(offset < span.end);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const char *const paths[] = {
        "l/t-0/00000000000000000000.log", "l/t-0/00000000000000000000.index",
        "l/t-0/00000000000000000000.timeindex", "l/checkpoint", "l/t-0/producers"};
    if (!len || data[0] >= ARRAY_LEN(paths)) return 0;
    diag_setup(DIAG_OFF, false);
    struct env *env = env_mem_open(1, 1700000000000000);
    struct log *log = open_log(env);
    struct log_setting small = {STR("index.interval.bytes"), STR("100")};
    CHECK(log && log_topic_create(log, STR("t"), 1, &small, 1) == 0);
    for (int i = 0; i < 12; i += 3)
        CHECK(put(log, i) == i);
    log_close(log);
    put_file(env, paths[data[0]], (struct str){(const char *)data + 1, len - 1});
    if (data[0] == 0) CHECK(env_unlink(env, "l/checkpoint") == 0);
    log = open_log(env);
    if (log) {
        read_all(log);
        int64_t base = put(log, 1000);
        if (base >= 0) read_all(log);
        log_close(log);
        log = open_log(env);
        struct log_span span;
        if (base >= 0) CHECK(log && log_span(log, STR("t"), 0, &span) == 0 && span.end >= base + 3);
        log_close(log);
    }
    env_close(env);
    return 0;
}
