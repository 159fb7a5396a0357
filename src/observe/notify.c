/* notify.c - a queue of HTTP posts and the thread that sends them.
 *
 * Back-off doubles from one second to a minute. Redirects are not followed: a receiver's address is
 * the one that was configured. */
#include "observe/notify.h"

#include "base/diag.h"
#include "base/err.h"
#include "net/transfer.h"

#include <pthread.h>

#define POST_TIMEOUT_MS 5000L
#define BACKOFF_MAX_US  60000000
#define CLOSE_WAIT_US   2000000

struct message {
    struct message *next;
    size_t receiver;
    int tries;
    int64_t due_us; /* monotonic */
    size_t len;
    char body[];
};

struct receiver {
    char *name, *url, *last;
    int64_t last_us, sent, failed;
};

struct notify {
    struct env *env;
    struct receiver *receiver;
    size_t receiver_cnt;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct message *first; /* under lock, as all below */
    size_t queued;
    bool stopping;
    int64_t stop_us;
};

static size_t drop_answer(char *ptr UNUSED, size_t size, size_t cnt, void *arg UNUSED) {
    return size * cnt;
}

static bool out_of_time(void *arg) {
    struct notify *notify = arg;
    pthread_mutex_lock(&notify->lock);
    bool over = notify->stopping && env_mono_us(notify->env) > notify->stop_us;
    pthread_mutex_unlock(&notify->lock);
    return over;
}

/* One POST: 0, or an error with its note. */
static int post(struct notify *notify, const char *url, const struct message *message) {
    CURL *curl = curl_easy_init();
    if (!curl) return err_fail(ERR_AGAIN, "no memory for a request");
    struct curl_slist *head = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, head);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)message->body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)message->len);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, POST_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_answer);
    CURLcode code = transfer_run(curl, out_of_time, notify);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(head);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK) return err_fail(ERR_NET, "%s", curl_easy_strerror(code));
    if (status < 200 || status > 299) return err_fail(ERR_NET, "answered HTTP %ld", status);
    return 0;
}

/* The first message that is due; NULL: none, and *wait_us says for how long. */
static struct message *take_due(struct notify *notify, int64_t now_us, int64_t *wait_us) {
    *wait_us = 3600000000;
    for (struct message **at = &notify->first; *at; at = &(*at)->next) {
        struct message *message = *at;
        if (message->due_us <= now_us) {
            *at = message->next;
            notify->queued--;
            return message;
        }
        *wait_us = MIN(*wait_us, message->due_us - now_us);
    }
    return NULL;
}

static void put_last(struct notify *notify, struct message *message) {
    struct message **at = &notify->first;
    while (*at) at = &(*at)->next;
    message->next = NULL;
    *at = message;
    notify->queued++;
}

/* Notes how a delivery went; gives the message back to the queue for another try. Under lock. */
static void settle(struct notify *notify, struct message *message, int err) {
    struct receiver *receiver = &notify->receiver[message->receiver];
    base_free(receiver->last);
    receiver->last = base_strdup(err ? err_note() : "ok");
    receiver->last_us = env_now_us(notify->env);
    if (!err) {
        receiver->sent++;
        base_free(message);
        return;
    }
    receiver->failed++;
    if (++message->tries >= NOTIFY_TRY_MAX || notify->stopping) {
        diag_error("observe", "receiver '%s' was not told after %d tries: %s", receiver->name,
                   message->tries, err_note());
        base_free(message);
        return;
    }
    int64_t wait_us = MIN((int64_t)1000000 << (message->tries - 1), (int64_t)BACKOFF_MAX_US);
    message->due_us = env_mono_us(notify->env) + wait_us;
    put_last(notify, message);
}

static void wait_for(struct notify *notify, int64_t us) {
    struct timespec until;
    int64_t at_us = env_now_us(env_real()) + us;
    until = (struct timespec){at_us / 1000000, at_us % 1000000 * 1000};
    pthread_cond_timedwait(&notify->wake, &notify->lock, &until);
}

static void *notify_main(void *arg) {
    struct notify *notify = arg;
    pthread_setname_np(pthread_self(), "notify");
    pthread_mutex_lock(&notify->lock);
    for (;;) {
        int64_t now_us = env_mono_us(notify->env), wait_us;
        if (notify->stopping && (!notify->first || now_us > notify->stop_us)) break;
        struct message *message = take_due(notify, notify->stopping ? INT64_MAX : now_us, &wait_us);
        if (!message) {
            wait_for(notify, wait_us);
            continue;
        }
        pthread_mutex_unlock(&notify->lock);
        int err = post(notify, notify->receiver[message->receiver].url, message);
        pthread_mutex_lock(&notify->lock);
        settle(notify, message, err);
    }
    pthread_mutex_unlock(&notify->lock);
    return NULL;
}

int notify_open(struct notify **out, struct env *env, const struct observe_receiver *receiver,
                size_t cnt) {
    struct notify *notify = base_calloc(1, sizeof *notify);
    notify->env = env;
    notify->receiver = base_calloc(cnt, sizeof *notify->receiver);
    notify->receiver_cnt = cnt;
    for (size_t i = 0; i < cnt; i++) {
        bool manager = receiver[i].kind == OBSERVE_ALERTMANAGER;
        struct arena arena = ARENA_INIT;
        struct str url = arena_printf(&arena, "%.*s%s", STR_ARG(receiver[i].url),
                                      manager ? "/api/v2/alerts" : "");
        notify->receiver[i].name = base_strdup(arena_strz(&arena, receiver[i].name));
        notify->receiver[i].url = base_strdup(url.ptr);
        notify->receiver[i].last = base_strdup("");
        arena_fini(&arena);
    }
    pthread_mutex_init(&notify->lock, NULL);
    pthread_cond_init(&notify->wake, NULL);
    int errnum = pthread_create(&notify->thread, NULL, notify_main, notify);
    CHECK(errnum == 0);
    *out = notify;
    return 0;
}

void notify_close(struct notify *notify) {
    if (!notify) return;
    pthread_mutex_lock(&notify->lock);
    notify->stopping = true;
    notify->stop_us = env_mono_us(notify->env) + CLOSE_WAIT_US;
    pthread_cond_signal(&notify->wake);
    pthread_mutex_unlock(&notify->lock);
    pthread_join(notify->thread, NULL);
    for (struct message *message = notify->first, *next; message; message = next) {
        next = message->next;
        base_free(message);
    }
    for (size_t i = 0; i < notify->receiver_cnt; i++) {
        base_free(notify->receiver[i].name);
        base_free(notify->receiver[i].url);
        base_free(notify->receiver[i].last);
    }
    base_free(notify->receiver);
    pthread_cond_destroy(&notify->wake);
    pthread_mutex_destroy(&notify->lock);
    base_free(notify);
}

void notify_send(struct notify *notify, size_t receiver, struct str body) {
    assert(receiver < notify->receiver_cnt);
    struct message *message = base_calloc(1, sizeof *message + body.len + 1);
    message->receiver = receiver;
    message->len = body.len;
    memcpy(message->body, body.ptr, body.len);
    pthread_mutex_lock(&notify->lock);
    if (notify->queued == NOTIFY_QUEUE_MAX) {
        struct message *oldest = notify->first;
        notify->first = oldest->next;
        notify->queued--;
        diag_error("observe", "more than %d messages wait for receiver '%s': the oldest is dropped",
                   NOTIFY_QUEUE_MAX, notify->receiver[oldest->receiver].name);
        base_free(oldest);
    }
    put_last(notify, message);
    pthread_cond_signal(&notify->wake);
    pthread_mutex_unlock(&notify->lock);
}

void notify_deliveries(struct notify *notify, struct arena *arena, struct observe_delivery **out,
                       size_t *cnt) {
    struct observe_delivery *list = arena_array(arena, struct observe_delivery,
                                                notify->receiver_cnt);
    pthread_mutex_lock(&notify->lock);
    for (size_t i = 0; i < notify->receiver_cnt; i++) {
        const struct receiver *receiver = &notify->receiver[i];
        list[i] = (struct observe_delivery){
            arena_str(arena, str_of(receiver->name)), arena_str(arena, str_of(receiver->url)),
            arena_str(arena, str_of(receiver->last)), receiver->last_us, receiver->sent,
            receiver->failed};
    }
    pthread_mutex_unlock(&notify->lock);
    *out = list;
    *cnt = notify->receiver_cnt;
}
