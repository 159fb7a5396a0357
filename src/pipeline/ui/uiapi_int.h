/* uiapi_int.h - what the files behind uiapi.h share: nodes, their numbers, small JSON words. */
#ifndef PIPELINE_UI_UIAPI_INT_H
#define PIPELINE_UI_UIAPI_INT_H

#include "net/sse.h"
#include "pipeline/doors.h"
#include "pipeline/ui/uiapi.h"

#define UIAPI_NODE_MAX   1024
#define UIAPI_EDGE_MAX   1024
#define UIAPI_HISTORY    900 /* points of each step of the past */
#define UIAPI_STEP_CNT   3   /* a second, 4, 96: a quarter of an hour, an hour, a day */
#define UIAPI_SERIES     5
#define UIAPI_RATE_S     5   /* rates are over so many seconds */
#define UIAPI_SSE_MAX    64
#define UIAPI_ROUTE_CNT  21

/* The past of five numbers, in steps that get longer; a point is the mean of its seconds. */
struct uipast {
    float step[UIAPI_STEP_CNT][UIAPI_HISTORY][UIAPI_SERIES];
};

enum uinode_kind { UI_SOURCE, UI_LANDING, UI_TOPIC, UI_TRANSFORM, UI_TABLE, UI_QUARANTINE };

/* What a node's numbers are now. NaN: unknown. */
struct uinum {
    int64_t rows, bad, lag, newest_ms; /* lag -1: none is meant */
    double rate, bad_rate, busy, p50_ms, p99_ms;
    const char *state;
    char note[64];
};
struct uinode {
    enum uinode_kind kind;
    struct str id, name, ref, title, dataset;
    const struct def *def;
    const struct def_fetch *fetch;         /* SOURCE, LANDING */
    const struct def_capture *capture;     /* TOPIC */
    const struct def_transform *transform; /* TRANSFORM, TABLE, QUARANTINE */
    struct query *query;
    struct uinum num;
    char trouble[64];       /* SOURCE: why its last run that ended failed; "": it did not */
    int64_t *failed, *failed_ms; /* TRANSFORM, by check: how many, and when that last rose */
    int64_t past_rows[UIAPI_RATE_S], past_bad[UIAPI_RATE_S], past_busy_us[UIAPI_RATE_S];
    int64_t busy_us;
    struct uipast past; /* rate bad_rate lag age_ms p99_ms */
};
struct uiedge {
    struct str id;
    uint32_t from, to; /* nodes */
    bool reject;
};
struct uistream { /* one page's event stream */
    struct sse *sse;
    struct uiapi *api;
    struct str tail, query; /* heap; ptr NULL: no tail */
    int64_t *next;          /* offsets to read, by partition */
    int32_t part_cnt;
};
struct uiapi {
    struct uiapi_conf conf;
    struct arena arena;
    uint16_t port[DOOR_CNT];
    struct uinode *node[UIAPI_NODE_MAX];
    size_t node_cnt;
    struct uiedge edge[UIAPI_EDGE_MAX];
    size_t edge_cnt;
    struct uipast past;            /* in_rate out_rate bad_rate p50_ms p99_ms */
    int64_t tick_cnt;              /* samples taken since start */
    int64_t tick_s;                /* wall clock of the newest */
    int64_t runs_seq;              /* moves with every change of a newer run */
    int64_t runs_counted, runs_seen_us; /* runs_seq and time at the last count of the day's */
    int runs_live, runs_ok, runs_failed;
    struct uistream stream[UIAPI_SSE_MAX];
    struct loop_timer *tail_timer;
    struct http_route route[UIAPI_ROUTE_CNT];
};

/* uigraph.c */
int uigraph_make(struct uiapi *api) MUST_USE;
const struct uinode *uigraph_find(const struct uiapi *api, struct str id);
void uigraph_get(void *self, struct http_req *req);
/* uisnap.c */
void uisnap_take(struct uiapi *api);                           /* a sample of every node */
void uisnap_write(const struct uiapi *api, struct buf *out);   /* the snapshot event */
void uisnap_get_history(void *self, struct http_req *req);
double uisnap_backpressure(const struct uinode *to); /* of the edge that leads there */
int64_t uisnap_resident_bytes(void);
/* uimetric.c */
void uimetric_write(const struct uiapi *api, struct buf *out);
/* uilive.c */
void uilive_get(void *self, struct http_req *req);
void uilive_send(struct uiapi *api); /* a snapshot to every page */
void uilive_tail(void *arg);         /* new records to the pages that follow a topic */
/* uitopic.c */
void uitopic_list(void *self, struct http_req *req);
void uitopic_get(void *self, struct http_req *req);
void uitopic_replay(void *self, struct http_req *req);
void uitopic_groups(void *self, struct http_req *req);
void uitopic_group(void *self, struct http_req *req);
/* uirecord.c */
void uirecord_list(void *self, struct http_req *req);
void uirecord_write(int32_t part, const struct record *record, struct buf *out);
bool uirecord_matches(const struct record *record, struct str query);
void uirecord_quarantined(void *self, struct http_req *req); /* GET /ui/quarantine/{dataset} */
/* uitable.c */
void uitable_list(void *self, struct http_req *req);
void uitable_rows(void *self, struct http_req *req);
/* uimore.c */
void uimore_quarantine(void *self, struct http_req *req);
void uimore_quality(void *self, struct http_req *req);
void uimore_replay(void *self, struct http_req *req);
/* What an alert rule's numbers count in, and the factor that makes them that. */
const char *uimore_unit(struct str rule, double *scale);
void uimore_alerts(void *self, struct http_req *req);
void uimore_schemas(void *self, struct http_req *req);
void uimore_schema(void *self, struct http_req *req);
void uimore_logs(void *self, struct http_req *req);
void uimore_plan(void *self, struct http_req *req); /* POST /ui/plan: what a pipeline would make */

/* Small words, in uiapi.c. */
void uiapi_put(struct buf *out, const char *name, struct str text); /* "name":"text" */
void uiapi_put_null(struct buf *out, const char *name, struct str text); /* null for ptr NULL */
void uiapi_put_ms(struct buf *out, const char *name, int64_t ms);   /* null for <= 0 */
void uiapi_put_num(struct buf *out, double value);                  /* null for NaN */
void uiapi_reply(struct http_req *req, struct buf *out); /* sends and frees it; too big: 500 */
/* A whole number parameter: `fallback` when it is not there; false after a 400 was sent. */
bool uiapi_number(struct http_req *req, const char *name, int64_t fallback, int64_t low,
                  int64_t high, int64_t *out);
bool uiapi_has(struct str text, struct str query); /* case ignored; an empty query is in all */

#endif
