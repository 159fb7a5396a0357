/* reject.c - failed records onto the quarantine topic, each once. */
#include "pipeline/reject.h"

#include "base/err.h"
#include "pipeline/logput.h"

#define TAIL_MAX 1000

struct reject {
    struct log *log;
    struct arena arena; /* names */
    struct arena batch; /* headers, until the flush */
    struct str source, topic;
    int32_t part_cnt, source_cnt;
    int64_t *last, *pending; /* newest source offset that is there, by source partition; -1: none */
    struct logput *put;
};

static struct str header_of(const struct record *record, const char *name) {
    for (uint32_t i = 0; i < record->header_cnt; i++)
        if (str_eqz(record->header[i].name, name)) return record->header[i].value;
    return STR_NULL;
}

static bool number_of(const struct record *record, const char *name, int64_t *out) {
    struct str text = header_of(record, name);
    return text.ptr && !str_i64(text, out);
}

static void note_last(void *arg, const struct record *record) {
    struct reject *reject = arg;
    int64_t part, offset;
    if (!number_of(record, REJECT_PARTITION, &part) || !number_of(record, REJECT_OFFSET, &offset))
        return;
    if (part < 0 || part >= reject->source_cnt) return;
    reject->pending[part] = MAX(reject->pending[part], offset);
}

static int read_last(struct reject *reject) {
    for (int32_t i = 0; i < reject->source_cnt; i++) reject->pending[i] = -1;
    logput_foresee(reject->log, reject->topic, reject->part_cnt, TAIL_MAX);
    for (int32_t i = 0; i < reject->part_cnt; i++) {
        int err = logput_tail(reject->log, reject->topic, i, TAIL_MAX, note_last, reject);
        if (err) return err;
    }
    memcpy(reject->last, reject->pending, (size_t)reject->source_cnt * sizeof *reject->last);
    return 0;
}

int reject_open(struct reject **out, struct log *log, struct str source, struct str table) {
    struct reject *reject = base_calloc(1, sizeof *reject);
    struct log_topic topic;
    reject->log = log;
    reject->source = arena_str(&reject->arena, source);
    reject->topic = arena_printf(&reject->arena, "%.*s.quarantine", STR_ARG(table));
    int err = log_topic_get(log, source, &reject->arena, &topic);
    struct log_setting big = {STR("max.message.bytes"), STR(LOGPUT_MAX)};
    if (!err) {
        reject->source_cnt = topic.part_cnt;
        reject->last = arena_array(&reject->arena, int64_t, (size_t)topic.part_cnt);
        reject->pending = arena_array(&reject->arena, int64_t, (size_t)topic.part_cnt);
        err = log_topic_create(log, reject->topic, topic.part_cnt, &big, 1);
    }
    if (err == ERR_EXISTS) err = 0;
    if (!err) err = log_topic_get(log, reject->topic, &reject->arena, &topic);
    if (!err) {
        reject->part_cnt = topic.part_cnt;
        err = logput_open(&reject->put, log, reject->topic, topic.part_cnt);
    }
    if (!err) err = read_last(reject);
    if (err) {
        reject_close(reject);
        return err_add(err, "quarantine of '%.*s'", STR_ARG(table));
    }
    *out = reject;
    return 0;
}

void reject_close(struct reject *reject) {
    if (!reject) return;
    logput_close(reject->put);
    arena_fini(&reject->arena);
    arena_fini(&reject->batch);
    base_free(reject);
}

int reject_add(struct reject *reject, const struct record *record, int32_t part, struct str check,
               struct str reason) {
    int32_t to = part % reject->part_cnt;
    if (part >= reject->source_cnt)
        return err_fail(ERR_AGAIN, "topic '%.*s' has a new partition %d", STR_ARG(reject->source),
                        part);
    if (record->offset <= reject->last[part]) return 0;
    uint32_t cnt = MIN(record->header_cnt, (uint32_t)RECORD_HEADER_MAX - 5);
    struct record_header *header = arena_array(&reject->batch, struct record_header, cnt + 5);
    if (cnt) memcpy(header, record->header, cnt * sizeof *header);
    header[cnt++] = (struct record_header){STR(REJECT_TOPIC), reject->source};
    header[cnt++] = (struct record_header){STR(REJECT_PARTITION),
                                           arena_printf(&reject->batch, "%d", part)};
    header[cnt++] = (struct record_header){STR(REJECT_OFFSET),
                                           arena_printf(&reject->batch, "%" PRId64,
                                                        record->offset)};
    header[cnt++] = (struct record_header){STR(REJECT_MESSAGE), reason};
    header[cnt++] = (struct record_header){STR(REJECT_CHECK), check};
    struct record copy = *record;
    copy.header = header;
    copy.header_cnt = cnt;
    reject->pending[part] = MAX(reject->pending[part], record->offset);
    return logput_add(reject->put, to, &copy);
}

int reject_flush(struct reject *reject) {
    int err = logput_flush(reject->put);
    arena_reset(&reject->batch);
    if (err) return err;
    memcpy(reject->last, reject->pending, (size_t)reject->source_cnt * sizeof *reject->last);
    return 0;
}

void reject_drop(struct reject *reject) {
    logput_drop(reject->put);
    arena_reset(&reject->batch);
    if (read_last(reject))
        memcpy(reject->pending, reject->last, (size_t)reject->source_cnt * sizeof *reject->last);
}
