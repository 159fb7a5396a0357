/* airflow_json.c - values as Airflow's API writes them. */
#include "orchestrate/server/airflow_json.h"

#include "base/err.h"
#include "base/uuid.h"
#include "orchestrate/orch_time.h"
#include "orchestrate/server/airflow_int.h"

#include <jansson.h>

#define DAY_US INT64_C(86400000000)

void airflow_json_text(struct buf *out, const char *name, struct str text) {
    buf_printf(out, "\"%s\":", name);
    if (text.ptr) buf_json(out, text);
    else buf_putz(out, "null");
}

void airflow_json_time(struct buf *out, const char *name, int64_t us) {
    char text[ORCH_TIME_MAX];
    orch_time_format(us, "Z", text);
    if (us) buf_printf(out, "\"%s\":\"%s\"", name, text);
    else buf_printf(out, "\"%s\":null", name);
}

void airflow_json_seconds(struct buf *out, const char *name, int64_t from_us, int64_t to_us) {
    if (!from_us || !to_us) buf_printf(out, "\"%s\":null", name);
    else buf_printf(out, "\"%s\":%.6f", name, (double)(to_us - from_us) / 1e6);
}

void airflow_json_delta(struct buf *out, const char *name, int64_t us) {
    buf_printf(out, "\"%s\":{\"__type\":\"TimeDelta\",\"days\":%" PRId64 ",\"seconds\":%" PRId64
               ",\"microseconds\":%" PRId64 "}", name, us / DAY_US, us % DAY_US / 1000000,
               us % 1000000);
}

void airflow_json_id(struct buf *out, const char *name, const struct str *part, size_t cnt) {
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    uint64_t a = 0x736c75696365, b = 0;
    for (size_t i = 0; i < cnt; i++) {
        uint64_t hash = str_hash(part[i]);
        a = (a ^ hash) * 0x9fb21c651e98df25u;
        b = (b + hash + i) * 0xbf58476d1ce4e5b9u;
        b ^= a >> 29;
    }
    memcpy(id.byte, &a, 8);
    memcpy(id.byte + 8, &b, 8);
    id.byte[6] = (uint8_t)((id.byte[6] & 0x0f) | 0x80); /* version 8: made its own way */
    id.byte[8] = (uint8_t)((id.byte[8] & 0x3f) | 0x80);
    uuid_format(&id, text);
    buf_printf(out, "\"%s\":\"%s\"", name, text);
}

void airflow_json_send(struct http_req *req, struct buf *out) {
    if (out->full) http_reply_status(req, 413, "the answer is too long; ask for less by limit");
    else http_reply_json(req, 200, buf_str(out));
    buf_fini(out);
}

void airflow_json_invalid(struct http_req *req, const char *in, const char *where,
                          const char *what) {
    struct buf out;
    buf_init(&out, MIB);
    buf_printf(&out, "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"%s\"", in);
    if (where) {
        buf_putc(&out, ',');
        buf_json(&out, str_of(where));
    }
    buf_putz(&out, "],\"msg\":");
    buf_json(&out, str_of(what));
    buf_putz(&out, "}]}");
    http_reply_json(req, 422, buf_str(&out));
    buf_fini(&out);
}

struct json_t *airflow_json_body(struct http_req *req) {
    struct str body = str_trim(http_body(req));
    json_error_t why;
    if (!body.len) return json_object();
    json_t *json = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(json)) return json;
    airflow_json_invalid(req, "body", NULL, json ? "it has to be a JSON object" : why.text);
    json_decref(json);
    return NULL;
}
