/* reghttp.c - libcurl, several addresses, and patience. */
#include "registry/confluent/reghttp.h"

#include "base/buf.h"
#include "model/address.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

#define CONNECT_MS 2000L
#define TIMEOUT_MS 10000L
#define WAIT_US    500000
#define WAIT_MAX   5000000
#define TYPE       "application/vnd.schemaregistry.v1+json"

struct reghttp {
    struct env *env;
    struct arena arena;
    const char *url[REGHTTP_URL_MAX]; /* without a last '/' */
    const char *shown[REGHTTP_URL_MAX]; /* without user and password */
    size_t cnt;
    const char *hosts;
    const char *user, *bearer, *ca, *cert, *key; /* NULL: none */
    pthread_mutex_t lock; /* of all below */
    CURL *idle[REGHTTP_IDLE_MAX];
    size_t idle_cnt;
    size_t first;         /* the address to ask first */
    int64_t wait_us, until_us; /* back-off: how long, till when */
    char why[256];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void) {
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

/* ---- opening ---- */

static int add_url(struct reghttp *http, struct str url) {
    struct address_url parts;
    struct arena *arena = &http->arena;
    while (url.len && url.ptr[url.len - 1] == '/') url.len--;
    int err = address_parse(url, arena, &parts);
    if (err) return err;
    bool known = str_eqz(parts.scheme, "http") || str_eqz(parts.scheme, "https");
    if (!known || http->cnt == REGHTTP_URL_MAX)
        return err_fail(ERR_CONFIG, "registry: up to %d addresses, each http://HOST:PORT or "
                        "https://HOST:PORT", REGHTTP_URL_MAX);
    http->shown[http->cnt] = arena_printf(arena, "%.*s://%.*s", STR_ARG(parts.scheme),
                                          STR_ARG(parts.hosts)).ptr;
    http->url[http->cnt++] = arena_strz(arena, url);
    return 0;
}

static int add_property(struct reghttp *http, const struct address_property *property) {
    const struct {
        const char *name, **to;
    } known[] = {{"basic.auth.user.info", &http->user},
                 {"bearer.auth.token", &http->bearer},
                 {"ssl.ca.location", &http->ca},
                 {"ssl.certificate.location", &http->cert},
                 {"ssl.key.location", &http->key}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (!str_eqz(property->name, known[i].name)) continue;
        *known[i].to = arena_strz(&http->arena, property->value);
        return 0;
    }
    return err_fail(ERR_CONFIG, "registry: there is no property %.*s; there are "
                    "basic.auth.user.info, bearer.auth.token, ssl.ca.location, "
                    "ssl.certificate.location and ssl.key.location", STR_ARG(property->name));
}

int reghttp_open(struct reghttp **out, const struct registry_conf *conf, struct str urls) {
    pthread_once(&once, init_curl);
    struct reghttp *http = base_calloc(1, sizeof *http);
    int err = 0;
    http->env = conf->env;
    pthread_mutex_init(&http->lock, NULL);
    while (urls.ptr && !err) err = add_url(http, str_trim(str_cut(urls, ',', &urls)));
    for (size_t i = 0; i < conf->property_cnt && !err; i++)
        err = add_property(http, &conf->property[i]);
    if (err) {
        reghttp_close(http);
        return err;
    }
    http->hosts = http->shown[0];
    for (size_t i = 1; i < http->cnt; i++)
        http->hosts = arena_printf(&http->arena, "%s,%s", http->hosts, http->shown[i]).ptr;
    *out = http;
    return 0;
}

void reghttp_close(struct reghttp *http) {
    if (!http) return;
    for (size_t i = 0; i < http->idle_cnt; i++) curl_easy_cleanup(http->idle[i]);
    pthread_mutex_destroy(&http->lock);
    arena_fini(&http->arena);
    base_free(http);
}

const char *reghttp_hosts(const struct reghttp *http) {
    return http->hosts;
}

/* ---- one attempt ---- */

static CURL *take_handle(struct reghttp *http) {
    pthread_mutex_lock(&http->lock);
    CURL *curl = http->idle_cnt ? http->idle[--http->idle_cnt] : NULL;
    pthread_mutex_unlock(&http->lock);
    if (curl) curl_easy_reset(curl); /* its connections stay */
    else curl = curl_easy_init();
    CHECK(curl);
    return curl;
}

static void give_handle(struct reghttp *http, CURL *curl) {
    pthread_mutex_lock(&http->lock);
    bool room = http->idle_cnt < REGHTTP_IDLE_MAX;
    if (room) http->idle[http->idle_cnt++] = curl;
    pthread_mutex_unlock(&http->lock);
    if (!room) curl_easy_cleanup(curl);
}

static size_t take_body(char *ptr, size_t size, size_t cnt, void *arg) {
    struct buf *body = arg;
    buf_put(body, ptr, size * cnt);
    return body->full ? 0 : size * cnt;
}

static void set_options(struct reghttp *http, CURL *curl, const struct reghttp_call *call) {
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    if (call->body.ptr) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.ptr);
    }
    if (http->user) curl_easy_setopt(curl, CURLOPT_USERPWD, http->user);
    if (http->ca) curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca);
    if (http->cert) curl_easy_setopt(curl, CURLOPT_SSLCERT, http->cert);
    if (http->key) curl_easy_setopt(curl, CURLOPT_SSLKEY, http->key);
}

static struct curl_slist *headers_of(struct reghttp *http, struct arena *arena) {
    struct curl_slist *head = curl_slist_append(NULL, "Accept: " TYPE ", application/json");
    head = curl_slist_append(head, "Content-Type: " TYPE);
    head = curl_slist_append(head, "Expect:");
    if (http->bearer)
        head = curl_slist_append(head, arena_printf(arena, "Authorization: Bearer %s",
                                                    http->bearer).ptr);
    return head;
}

/* Is it for another address to try? Then *why says what was wrong with this one. */
static bool pass_over(const struct reghttp *http, size_t at, CURLcode code, long status,
                      char why[256]) {
    if (!code && status < 500) return false;
    if (code) snprintf(why, 256, "%s: %s", http->shown[at], curl_easy_strerror(code));
    else snprintf(why, 256, "%s answered HTTP %ld", http->shown[at], status);
    return true;
}

static bool never_arrived(CURLcode code) {
    return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
}

static CURLcode attempt(struct reghttp *http, size_t at, struct reghttp_call *call,
                        struct arena *arena, struct buf *body) {
    CURL *curl = take_handle(http);
    struct curl_slist *head = headers_of(http, arena);
    buf_reset(body);
    set_options(http, curl, call);
    curl_easy_setopt(curl, CURLOPT_URL,
                     arena_printf(arena, "%s%.*s", http->url[at], STR_ARG(call->path)).ptr);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    CURLcode code = curl_easy_perform(curl);
    call->status = 0;
    if (!code) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->status);
    give_handle(http, curl);
    curl_slist_free_all(head);
    return code;
}

/* ---- asking ---- */

static int still_waiting(struct reghttp *http, size_t *first) {
    int err = 0;
    pthread_mutex_lock(&http->lock);
    *first = http->first;
    if (env_mono_us(http->env) < http->until_us)
        err = err_fail(ERR_NET, "the registry cannot be reached: %s", http->why);
    pthread_mutex_unlock(&http->lock);
    return err;
}

int reghttp_state(struct reghttp *http) {
    int err = 0;
    pthread_mutex_lock(&http->lock);
    if (http->wait_us) err = err_fail(ERR_NET, "the registry cannot be reached: %s", http->why);
    pthread_mutex_unlock(&http->lock);
    return err;
}

static void answered(struct reghttp *http, size_t at) {
    pthread_mutex_lock(&http->lock);
    http->first = at;
    http->wait_us = http->until_us = 0;
    pthread_mutex_unlock(&http->lock);
}

static int none_answered(struct reghttp *http, const char *why) {
    pthread_mutex_lock(&http->lock);
    http->wait_us = http->wait_us ? MIN(http->wait_us * 2, WAIT_MAX) : WAIT_US;
    uint64_t jitter_us = env_random_u64(http->env) % (uint64_t)http->wait_us;
    http->until_us = env_mono_us(http->env) + http->wait_us / 2 + (int64_t)(jitter_us / 2);
    snprintf(http->why, sizeof http->why, "%s", why);
    pthread_mutex_unlock(&http->lock);
    return err_fail(ERR_NET, "the registry cannot be reached: %s", why);
}

int reghttp_ask(struct reghttp *http, struct arena *arena, struct reghttp_call *call) {
    char why[256] = "";
    struct buf body;
    size_t first;
    int err = still_waiting(http, &first);
    if (err) return err;
    buf_init(&body, REGHTTP_BODY_MAX);
    for (size_t i = 0; i < http->cnt; i++) {
        size_t at = (first + i) % http->cnt;
        CURLcode code = attempt(http, at, call, arena, &body);
        bool over = pass_over(http, at, code, call->status, why);
        if (body.full)
            snprintf(why, sizeof why, "%s: an answer of more than %zu MiB", http->shown[at],
                     REGHTTP_BODY_MAX / MIB);
        if (over || body.full) {
            bool stop = call->once && !never_arrived(code);
            if (i + 1 < http->cnt && !stop) continue;
            err = none_answered(http, why);
        } else {
            answered(http, at);
            call->answer = arena_str(arena, buf_str(&body));
        }
        break;
    }
    buf_fini(&body);
    return err;
}
