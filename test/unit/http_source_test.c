/* http_source_test.c - a fetch ends when it is told to, whatever the API does. */
#include "support/unit.h"

#include "base/err.h"
#include "source/source.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* An API on a free port that takes connections, says `answer` on each, and then nothing more. */
struct api {
    int fd;
    char port[32];
    const char *answer;
    pthread_t thread;
    int held[16];
    atomic_int cnt;
};

static void *api_main(void *arg) {
    struct api *api = arg;
    while (api->cnt < (int)ARRAY_LEN(api->held)) {
        int fd = accept(api->fd, NULL, NULL);
        if (fd < 0) break;
        api->held[api->cnt++] = fd;
        if (send(fd, api->answer, strlen(api->answer), MSG_NOSIGNAL) < 0) break;
        if (strstr(api->answer, "close")) shutdown(fd, SHUT_WR);
    }
    return NULL;
}

static void api_start(struct api *api, const char *answer) {
    struct sockaddr_in addr = {.sin_family = AF_INET};
    socklen_t len = sizeof addr;
    memset(api, 0, sizeof *api);
    api->answer = answer;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    api->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(api->fd >= 0);
    assert_int_equal(bind(api->fd, (struct sockaddr *)(void *)&addr, sizeof addr), 0);
    assert_int_equal(listen(api->fd, 16), 0);
    assert_int_equal(getsockname(api->fd, (struct sockaddr *)(void *)&addr, &len), 0);
    snprintf(api->port, sizeof api->port, "127.0.0.1:%d", ntohs(addr.sin_port));
    assert_int_equal(pthread_create(&api->thread, NULL, api_main, api), 0);
}

static void api_stop(struct api *api) {
    shutdown(api->fd, SHUT_RDWR);
    pthread_join(api->thread, NULL);
    close(api->fd);
    for (int i = 0; i < api->cnt; i++) close(api->held[i]);
}

static atomic_bool stop;

static bool is_stopped(void *arg UNUSED) {
    return stop;
}

#define STOP_US  300000
#define AFTER_US 5000000 /* a tenth of a second is meant; the machine may be busy */
#define NEVER_US INT64_C(60000000)

static void *stop_soon(void *arg) {
    const int64_t *wait_us = arg;
    for (int64_t slept = 0; slept < *wait_us && !stop; slept += 10000)
        env_sleep_us(env_real(), 10000);
    stop = true;
    return NULL;
}

/* Fetches, is told to stop after a while; returns the error and how long it took after that. */
static int fetch_and_stop(const struct api *api, int64_t wait_us, int64_t *after_us) {
    struct arena arena = ARENA_INIT;
    struct source_rows rows;
    struct str allow[] = {str_of(api->port)};
    struct source_conf conf = {.env = env_real(),
                               .url = arena_printf(&arena, "http://%s/", api->port),
                               .rows = STR("[*]"),
                               .retries = -1,
                               .allow = allow,
                               .allow_cnt = 1,
                               .stopped = is_stopped};
    pthread_t thread;
    int64_t start_us = env_mono_us(env_real());
    stop = false;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &wait_us), 0);
    int err = source_fetch(&conf, &arena, &rows);
    *after_us = env_mono_us(env_real()) - start_us - wait_us;
    stop = true;
    pthread_join(thread, NULL);
    arena_fini(&arena);
    return err;
}

static void http_source_stops_while_nobody_answers(void **state UNUSED) {
    struct api api;
    int64_t after_us;
    api_start(&api, "");
    assert_int_equal(fetch_and_stop(&api, STOP_US, &after_us), ERR_STOPPED);
    assert_non_null(strstr(err_note(), "was stopped"));
    assert_true(after_us < AFTER_US);
    assert_int_equal(api.cnt, 1);
    api_stop(&api);
}

static void http_source_stops_in_the_middle_of_an_answer(void **state UNUSED) {
    struct api api;
    int64_t after_us;
    api_start(&api, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[1, 2");
    assert_int_equal(fetch_and_stop(&api, STOP_US, &after_us), ERR_STOPPED);
    assert_true(after_us < AFTER_US);
    api_stop(&api);
}

static void http_source_stops_while_it_waits_to_try_again(void **state UNUSED) {
    struct api api;
    int64_t after_us;
    api_start(&api, "HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n");
    assert_int_equal(fetch_and_stop(&api, STOP_US, &after_us), ERR_STOPPED);
    assert_true(after_us < AFTER_US);
    assert_int_equal(api.cnt, 1);
    api_stop(&api);
}

static void http_source_reads_an_answer_when_it_may_be_stopped(void **state UNUSED) {
    struct api api;
    int64_t after_us;
    api_start(&api, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n[1, 2]");
    assert_int_equal(fetch_and_stop(&api, NEVER_US, &after_us), 0);
    assert_true(after_us < 0);
    api_stop(&api);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_source_stops_while_nobody_answers),
        cmocka_unit_test(http_source_stops_in_the_middle_of_an_answer),
        cmocka_unit_test(http_source_stops_while_it_waits_to_try_again),
        cmocka_unit_test(http_source_reads_an_answer_when_it_may_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
