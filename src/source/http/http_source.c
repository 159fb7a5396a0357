/* http_source.c - one HTTP(S) fetch: bounded, retried, and only to addresses that are allowed.
 *
 * The address is checked where the connection is made, on what the name resolved to, so that no
 * name can lead past the check; redirects are followed by hand and checked again. Loopback, private
 * and link-local addresses are refused unless "host:port" was allowed.
 * Retried: no connection, time-outs, 429 and 5xx; waits double from half a second, with jitter, or
 * last as long as Retry-After asks, all within the fetch's time. */
#include "base/buf.h"
#include "base/err.h"
#include "net/transfer.h"
#include "source/source_ops.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define TIMEOUT_MS   60000
#define CONNECT_MS   10000L
#define RETRIES      3
#define REDIRECT_MAX 5
#define WAIT_US      500000
#define WAIT_MAX_US  30000000
#define NAP_US       100000

struct attempt {
    const struct source_conf *conf;
    struct buf body;
    const char *url;
    bool denied;
    char denied_addr[INET6_ADDRSTRLEN];
    char trouble[CURL_ERROR_SIZE]; /* what libcurl says besides its code */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void) {
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

static void say(const struct source_conf *conf, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(const struct source_conf *conf, const char *format, ...) {
    char line[512];
    va_list args;
    if (!conf->log) return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    conf->log(conf->log_arg, line);
}

/* ---- addresses ---- */

static bool is_private_v4(uint32_t ip) {
    return ip >> 24 == 127 || ip >> 24 == 10 || ip >> 24 == 0 || ip >> 20 == 0xAC1 ||
           ip >> 16 == 0xC0A8 || ip >> 16 == 0xA9FE || ip >> 22 == 0x191 || ip >> 28 >= 0xE;
}

static bool is_private(const struct sockaddr *addr) {
    const struct sockaddr_in *v4_addr = (const void *)addr;
    if (addr->sa_family == AF_INET) return is_private_v4(ntohl(v4_addr->sin_addr.s_addr));
    if (addr->sa_family != AF_INET6) return true;
    const struct in6_addr *ip = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(ip)) {
        uint32_t v4;
        memcpy(&v4, ip->s6_addr + 12, sizeof v4);
        return is_private_v4(ntohl(v4));
    }
    return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip) || IN6_IS_ADDR_LINKLOCAL(ip) ||
           IN6_IS_ADDR_MULTICAST(ip) || (ip->s6_addr[0] & 0xFE) == 0xFC;
}

/* "host:port" of an address, with the scheme's port when none is written. */
static struct str host_port(const char *url, struct arena *arena) {
    CURLU *parts = curl_url();
    char *host = NULL, *port = NULL;
    struct str out = STR("");
    if (parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
        !curl_url_get(parts, CURLUPART_HOST, &host, 0) &&
        !curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT))
        out = arena_printf(arena, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return out;
}

static bool is_allowed(const struct attempt *attempt) {
    struct arena arena = ARENA_INIT;
    struct str want = host_port(attempt->url, &arena);
    bool found = false;
    for (size_t i = 0; i < attempt->conf->allow_cnt; i++)
        found = found || str_ieq(attempt->conf->allow[i], want);
    arena_fini(&arena);
    return found;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose UNUSED,
                                 struct curl_sockaddr *addr) {
    struct attempt *attempt = arg;
    if (is_private(&addr->addr) && !is_allowed(attempt)) {
        attempt->denied = true;
        const void *ip = addr->family == AF_INET
                             ? (const void *)&((struct sockaddr_in *)(void *)&addr->addr)->sin_addr
                             : &((struct sockaddr_in6 *)(void *)&addr->addr)->sin6_addr;
        inet_ntop(addr->family, ip, attempt->denied_addr, sizeof attempt->denied_addr);
        return CURL_SOCKET_BAD;
    }
    return socket(addr->family, addr->socktype | SOCK_CLOEXEC, addr->protocol);
}

/* ---- one attempt ---- */

static size_t take_body(char *ptr, size_t size, size_t cnt, void *arg) {
    struct attempt *attempt = arg;
    buf_put(&attempt->body, ptr, size * cnt);
    return attempt->body.full ? 0 : size * cnt;
}

static void set_options(CURL *curl, struct attempt *attempt, struct curl_slist *head,
                        long left_ms) {
    curl_easy_setopt(curl, CURLOPT_URL, attempt->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, MIN(left_ms, CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)SOURCE_BODY_MAX);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, attempt);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, attempt);
    attempt->trouble[0] = 0;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, attempt->trouble);
}

/* What an attempt came to: an error, or a status that may be a redirect or a wish to wait. */
struct outcome {
    long status;
    char *redirect; /* heap */
    int64_t wait_us; /* Retry-After; -1: not asked */
    int err;         /* of the transport */
};

static int transport_err(CURLcode code, const struct attempt *attempt) {
    if (attempt->denied)
        return err_fail(ERR_DENIED, "%s leads to %s, a private address; to allow it add its "
                        "host:port to 'allow:' in sluice.yml", attempt->url, attempt->denied_addr);
    if (attempt->body.full || code == CURLE_FILESIZE_EXCEEDED)
        return err_fail(ERR_TOO_BIG, "%s: the answer is over %zu MiB", attempt->url,
                        SOURCE_BODY_MAX / MIB);
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_fail(ERR_DENIED, "%s: only http:// and https:// are fetched", attempt->url);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_fail(ERR_STOPPED, "%s: the fetch was stopped", attempt->url);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return err_fail(ERR_TIMEOUT, "%s: no answer in time", attempt->url);
    return err_fail(ERR_NET, "%s: %s", attempt->url,
                    *attempt->trouble ? attempt->trouble : curl_easy_strerror(code));
}

static struct outcome try_once(struct attempt *attempt, long left_ms) {
    struct outcome out = {.wait_us = -1};
    struct arena arena = ARENA_INIT;
    struct curl_slist *head = NULL;
    CURL *curl = curl_easy_init();
    CHECK(curl);
    for (size_t i = 0; i < attempt->conf->header_cnt; i++)
        head = curl_slist_append(head, arena_strz(&arena, attempt->conf->header[i]));
    set_options(curl, attempt, head, left_ms);
    CURLcode code = transfer_run(curl, attempt->conf->stopped, attempt->conf->stopped_arg);
    if (code != CURLE_OK) {
        out.err = transport_err(code, attempt);
    } else {
        char *redirect = NULL;
        curl_off_t wait_s = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out.status);
        curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
        curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait_s);
        if (redirect) out.redirect = base_strdup(redirect);
        if (wait_s > 0) out.wait_us = (int64_t)MIN(wait_s, 3600) * 1000000;
    }
    curl_slist_free_all(head);
    curl_easy_cleanup(curl);
    arena_fini(&arena);
    return out;
}

static int64_t left_ms(struct env *env, int64_t until_us) {
    return (until_us - env_mono_us(env)) / 1000;
}

/* One attempt with its redirects. 0: the body is there. *again: a retry may help. */
static int attempt_once(struct attempt *attempt, int64_t until_us, bool *again, int64_t *wait_us) {
    const struct source_conf *conf = attempt->conf;
    struct arena urls = ARENA_INIT;
    const char *first = attempt->url;
    int err = 0;
    *again = false;
    for (int hop = 0;; hop++) {
        int64_t left = left_ms(conf->env, until_us);
        if (left <= 0) {
            err = err_fail(ERR_TIMEOUT, "%s: no answer in time", attempt->url);
            break;
        }
        buf_reset(&attempt->body);
        struct outcome out = try_once(attempt, (long)left);
        err = out.err;
        *again = err == ERR_NET || out.status == 429 || out.status >= 500;
        *wait_us = out.wait_us;
        if (err) break;
        if (out.redirect && hop < REDIRECT_MAX) {
            attempt->url = arena_str(&urls, str_of(out.redirect)).ptr;
            base_free(out.redirect);
            say(conf, "redirected to %s", attempt->url);
            continue;
        }
        if (out.redirect)
            err = err_fail(ERR_NET, "%s: more than %d redirects", first, REDIRECT_MAX);
        else if (out.status < 200 || out.status > 299)
            err = err_fail(ERR_NET, "%s answered HTTP %ld: %.*s", attempt->url, out.status,
                           (int)MIN(attempt->body.len, 120), attempt->body.ptr);
        base_free(out.redirect);
        break;
    }
    attempt->url = first;
    arena_fini(&urls);
    return err;
}

/* Sleeps, unless it is stopped meanwhile. */
static int wait_again(const struct source_conf *conf, int64_t us) {
    for (; us > 0; us -= NAP_US) {
        if (conf->stopped && conf->stopped(conf->stopped_arg))
            return err_fail(ERR_STOPPED, "%.*s: the fetch was stopped", STR_ARG(conf->url));
        env_sleep_us(conf->env, MIN(us, (int64_t)NAP_US));
    }
    return 0;
}

static int fetch(const struct source_conf *conf, struct arena *arena, struct str *body) {
    pthread_once(&once, init_curl);
    struct attempt attempt = {.conf = conf, .url = arena_strz(arena, conf->url)};
    int64_t limit_ms = conf->timeout_ms ? conf->timeout_ms : TIMEOUT_MS;
    int64_t until_us = env_mono_us(conf->env) + limit_ms * 1000, backoff_us = WAIT_US;
    int retries = conf->retries < 0 ? RETRIES : conf->retries, err;
    buf_init(&attempt.body, SOURCE_BODY_MAX);
    for (int tries = 0;; tries++) {
        bool again = false;
        int64_t wait_us = -1;
        err = attempt_once(&attempt, until_us, &again, &wait_us);
        if (!err || !again || tries == retries) break;
        if (wait_us < 0) {
            wait_us = backoff_us / 2 + (int64_t)(env_random_u64(conf->env) % (uint64_t)backoff_us);
            backoff_us = MIN(backoff_us * 2, (int64_t)WAIT_MAX_US);
        }
        if (wait_us / 1000 >= left_ms(conf->env, until_us)) break;
        say(conf, "%s; again in %.1f s", err_note(), (double)wait_us / 1e6);
        err = wait_again(conf, wait_us);
        if (err) break;
    }
    if (!err) *body = arena_str(arena, buf_str(&attempt.body));
    buf_fini(&attempt.body);
    return err;
}

const struct source_ops http_source_ops = {"http://", fetch};
const struct source_ops http_source_ops_tls = {"https://", fetch};
