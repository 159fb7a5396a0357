/* airflow_site.c - what is not about a dag: version, health, tokens, pools, and what is empty. */
#include "orchestrate/server/airflow_int.h"

#include "base/err.h"
#include "base/metric.h"
#include "orchestrate/server/airflow_json.h"

#include <jansson.h>
#include <openssl/crypto.h>

#define API_VERSION "3.2.1" /* the public API that this speaks */
#define BEAT_MAX_S  30

void airflow_site_version(void *self UNUSED, struct http_req *req) {
    http_reply_json(req, 200, STR("{\"version\":\"" API_VERSION "+sluice." SLUICE_VERSION
                                  "\",\"git_version\":null}"));
}

void airflow_site_health(void *self, struct http_req *req) {
    struct airflow *airflow = self;
    struct buf out;
    struct str value;
    int64_t beat_s = 0, now_s = env_now_us(airflow->conf.env) / 1000000;
    int err = landing_setting(airflow->conf.landing, STR("orchestrate.health"), http_arena(req),
                              &value);
    metric_find("sluice_scheduler_heartbeat_timestamp_seconds", "", &beat_s);
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_printf(&out, "{\"metadatabase\":{\"status\":\"%s\"},\"scheduler\":{\"status\":\"%s\",",
               !err || err == ERR_NOT_FOUND ? "healthy" : "unhealthy",
               now_s - beat_s < BEAT_MAX_S ? "healthy" : "unhealthy");
    airflow_json_time(&out, "latest_scheduler_heartbeat", beat_s * 1000000);
    buf_putz(&out, "},\"triggerer\":{\"status\":null,\"latest_triggerer_heartbeat\":null},"
             "\"dag_processor\":{\"status\":null,\"latest_dag_processor_heartbeat\":null}}");
    airflow_json_send(req, &out);
}

/* ---- tokens ---- */

static void send_token(const struct airflow *airflow, struct http_req *req) {
    struct buf out;
    buf_init(&out, MIB);
    buf_putc(&out, '{');
    const char *token = airflow->token ? airflow->token : "none-needed";
    airflow_json_text(&out, "access_token", str_of(token));
    buf_putc(&out, '}');
    http_reply_json(req, 201, buf_str(&out));
    buf_fini(&out);
}

/* "password" of a form "username=..&password=..", or ptr NULL. The token has no letters that a
 * form would encode. */
static struct str form_password(struct str body) {
    while (body.ptr) {
        struct str value, pair = str_cut(body, '&', &body), name = str_cut(pair, '=', &value);
        if (str_eqz(name, "password")) return value;
    }
    return STR_NULL;
}

static bool fits(const struct airflow *airflow, struct str password) {
    return !airflow->token || (password.ptr && password.len == strlen(airflow->token) &&
                               CRYPTO_memcmp(password.ptr, airflow->token, password.len) == 0);
}

void airflow_site_token(void *self, struct http_req *req) {
    const struct airflow *airflow = self;
    struct str type = http_header(req, "Content-Type"), form = STR("application/x-www-form-url");
    bool good;
    if (type.ptr && str_starts(type, form)) {
        good = fits(airflow, form_password(http_body(req)));
    } else {
        json_t *body = airflow_json_body(req);
        if (!body) return;
        const json_t *value = json_object_get(body, "password");
        good = fits(airflow, str_of(json_string_value(value)));
        json_decref(body);
    }
    if (good) send_token(airflow, req);
    else http_reply_status(req, 401, "the password has to be sluice's token, from the file "
                                     "'token' of the data folder; any username will do");
}

void airflow_site_open_token(void *self, struct http_req *req) {
    const struct airflow *airflow = self;
    if (!airflow->token) send_token(airflow, req);
    else http_reply_status(req, 403, "here a token is given out only by POST, for the right "
                                     "password");
}

/* ---- pools ---- */

static void put_pool(struct buf *out, const struct airflow *airflow) {
    size_t all, used;
    orch_slots(airflow->conf.orch, &all, &used);
    buf_printf(out, "{\"name\":\"default_pool\",\"slots\":%zu,\"occupied_slots\":%zu,"
               "\"running_slots\":%zu,\"queued_slots\":0,\"scheduled_slots\":0,"
               "\"deferred_slots\":0,\"open_slots\":%zu,\"include_deferred\":false,"
               "\"description\":\"tries at once\",\"team_name\":null}", all, used, used,
               all - used);
}

void airflow_site_pools(void *self, struct http_req *req) {
    struct buf out;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_putz(&out, "{\"pools\":[");
    put_pool(&out, self);
    buf_putz(&out, "],\"total_entries\":1}");
    airflow_json_send(req, &out);
}

void airflow_site_pool(void *self, struct http_req *req) {
    struct buf out;
    if (!str_eqz(http_param(req, "name"), "default_pool")) {
        http_reply_status(req, 404, "there is one pool, default_pool");
        return;
    }
    buf_init(&out, AIRFLOW_OUT_MAX);
    put_pool(&out, self);
    airflow_json_send(req, &out);
}

/* ---- what there is none of ---- */

void airflow_site_none(void *self, struct http_req *req) {
    const struct airflow_none *none = self;
    struct buf out;
    buf_init(&out, AIRFLOW_OUT_MAX);
    buf_printf(&out, "{\"%s\":[],\"total_entries\":0}", none->plural);
    airflow_json_send(req, &out);
}

void airflow_site_hidden(void *self UNUSED, struct http_req *req) {
    http_reply_status(req, 403, "the configuration is not shown here");
}

void airflow_site_home(void *self UNUSED, struct http_req *req) {
    http_set_header(req, "Location", "/");
    http_reply(req, 307, "text/plain", STR(""));
}
