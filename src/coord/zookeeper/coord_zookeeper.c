/* coord_zookeeper.c - election and lease in ZooKeeper.
 *
 * Every node has a child of the election's path, ephemeral and sequential, named TOKEN-NUMBER; its
 * data is "LEASE_US NAME". The lowest number leads, and its czxid is the epoch: numbers and zxids
 * rise together, so a later leader has a higher one.
 *
 * A session's end alone is neither quick (two ticks of the server at least, and rounded up) nor
 * something a leader can measure: a follower of the ensemble that is cut off goes on answering
 * reads. So the lease is kept beside it. The leader writes its child again and again, and counts
 * from before each write was sent; a write needs the quorum. Who stands by watches the child's
 * version: when it has not changed for a whole lease of its own clock, it deletes the child if the
 * version still is that one. The order of the quorum decides: either the renewal came first and the
 * deletion fails, or the deletion did and the leader's next write does; and by then the leader's
 * clock has said so, for it began to count before whoever watched.
 *
 * Invariant: a lease is never longer than two thirds of the session the server granted. The server
 * hears of a session half a tick late at most, and a tick is at most half a session, so the session
 * outlives the lease. */
#define THREADED /* for the synchronous calls */
#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/uuid.h"
#include "coord/coord_ops.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#define PATH_MAX_  512 /* bytes of a znode's path */
#define DATA_MAX   (COORD_NODE_MAX + 32)
#define PORT       "2181"
#define HOST_MAX   64
#define NUMBER_LEN 10 /* digits ZooKeeper appends */
#define CHILD_MAX  1000
#define CONNECT_NAP_US 5000
#define DOCTOR_US  5000000 /* until a session is there */

struct seen { /* the lowest child as it was first seen in this version */
    char path[PATH_MAX_];
    int64_t czxid;
    int32_t version;
    int64_t since_us, lease_us;
};

struct zk {
    struct coord base;
    struct arena arena; /* hosts, path, auth */
    const char *hosts, *path, *auth;
    int64_t lease_us;
    zhandle_t *handle;
    bool parents; /* the path is there */
    char token[UUID_TEXT_LEN + 1], own[PATH_MAX_], data[DATA_MAX];
    int64_t own_czxid;
    struct seen seen;
};

static int fail(const struct zk *zk, int rc, const char *what) {
    if (rc == ZNOAUTH || rc == ZAUTHFAILED)
        return err_fail(ERR_AUTH, "ZooKeeper %s: may not %s under %s (%s); look at user and "
                        "password in coord's address", zk->hosts, what, zk->path, zerror(rc));
    return err_fail(ERR_NET, "ZooKeeper %s: cannot %s: %s", zk->hosts, what, zerror(rc));
}

/* ---- the address ---- */

/* "h1,h2:2182" with the port added where there is none. */
static int read_hosts(struct zk *zk, struct str list) {
    struct str out = STR("");
    size_t cnt = 0;
    while (list.ptr) {
        struct str host = str_cut(list, ',', &list);
        if (!host.len || ++cnt > HOST_MAX)
            return err_fail(ERR_CONFIG, "coord: the address is "
                            "zookeeper://host[:port],host[:port]/path, 1 to %d hosts", HOST_MAX);
        bool port = memchr(host.ptr, ':', host.len) != NULL;
        out = arena_printf(&zk->arena, "%.*s%s%.*s%s", STR_ARG(out), out.len ? "," : "",
                           STR_ARG(host), port ? "" : ":" PORT);
    }
    zk->hosts = arena_strz(&zk->arena, out);
    return 0;
}

static int read_path(struct zk *zk, struct str path) {
    while (path.len > 1 && path.ptr[path.len - 1] == '/') path.len--;
    if (!path.ptr || !path.len) path = STR("sluice");
    bool good = path.len < PATH_MAX_ - 64;
    for (size_t i = 0; i < path.len && good; i++) {
        char c = path.ptr[i], before = i ? path.ptr[i - 1] : '/';
        bool word = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
                    c == '-';
        good = word || (before != '/' && (c == '/' || c == '.'));
    }
    if (!good)
        return err_fail(ERR_CONFIG, "coord: '/%.*s' is no path of ZooKeeper that sluice takes: "
                        "letters, digits and -_. between slashes", STR_ARG(path));
    zk->path = arena_printf(&zk->arena, "/%.*s", STR_ARG(path)).ptr;
    return 0;
}

static int read_address(struct zk *zk, struct str rest) {
    struct str path, hosts = str_cut(rest, '/', &path), after;
    struct str auth = str_cut(hosts, '@', &after);
    if (after.ptr) {
        zk->auth = arena_strz(&zk->arena, auth);
        hosts = after;
    }
    int err = read_hosts(zk, hosts);
    return err ? err : read_path(zk, path);
}

/* ---- the session ---- */

static void forget_own(struct zk *zk) {
    zk->own[0] = 0;
    zk->own_czxid = 0;
}

static void end_session(struct zk *zk) {
    if (zk->handle) zookeeper_close(zk->handle);
    zk->handle = NULL;
    forget_own(zk);
}

static void no_watcher(zhandle_t *handle UNUSED, int type UNUSED, int state UNUSED,
                       const char *path UNUSED, void *arg UNUSED) {
}

static void no_log(const char *line UNUSED) {
}

static int begin_session(struct zk *zk) {
    /* Two leases, so that the lease and not the session decides. */
    int timeout_ms = (int)MAX(zk->base.lease_us / 1000 * 2, 1000);
    struct uuid id = uuid_random(zk->base.env); /* a child of the old session is not ours */
    uuid_format(&id, zk->token);
    zoo_set_debug_level((ZooLogLevel)0);
    zk->handle = zookeeper_init2(zk->hosts, no_watcher, timeout_ms, NULL, NULL, 0, no_log);
    if (!zk->handle)
        return err_fail_os(ERR_NET, errno, "ZooKeeper %s: cannot begin a session", zk->hosts);
    if (!zk->auth) return 0;
    int rc = zoo_add_auth(zk->handle, "digest", zk->auth, (int)strlen(zk->auth), NULL, NULL);
    return rc == ZOK ? 0 : fail(zk, rc, "log in");
}

/* A session that is there, or an error while there is none. */
static int have_session(struct zk *zk) {
    if (zk->handle && is_unrecoverable(zk->handle) != ZOK) {
        bool refused = zoo_state(zk->handle) == ZOO_AUTH_FAILED_STATE;
        end_session(zk);
        if (refused) return fail(zk, ZAUTHFAILED, "log in");
        diag_info("coord", "the session with ZooKeeper has ended; a new one is begun");
        coord_lost(&zk->base);
    }
    bool fresh = !zk->handle;
    int err = fresh ? begin_session(zk) : 0;
    if (err) return err;
    int64_t until_us = env_mono_us(zk->base.env) + zk->base.lease_us / 2;
    while (fresh && zoo_state(zk->handle) != ZOO_CONNECTED_STATE &&
           env_mono_us(zk->base.env) < until_us)
        env_sleep_us(zk->base.env, CONNECT_NAP_US);
    if (zoo_state(zk->handle) != ZOO_CONNECTED_STATE)
        return err_fail(ERR_NET, "ZooKeeper %s does not answer; it is asked again", zk->hosts);
    zk->lease_us = MIN(zk->base.lease_us, (int64_t)zoo_recv_timeout(zk->handle) * 1000 * 2 / 3);
    return 0;
}

static const struct ACL_vector *acl(const struct zk *zk) {
    return zk->auth ? &ZOO_CREATOR_ALL_ACL : &ZOO_OPEN_ACL_UNSAFE;
}

static int make_parents(struct zk *zk) {
    char path[PATH_MAX_];
    if (zk->parents) return 0;
    for (size_t len = 1; zk->path[len - 1]; len++) {
        if (zk->path[len] && zk->path[len] != '/') continue;
        snprintf(path, sizeof path, "%.*s", (int)len, zk->path);
        int rc = zoo_create(zk->handle, path, "", 0, acl(zk), ZOO_PERSISTENT, NULL, 0);
        if (rc != ZOK && rc != ZNODEEXISTS) return fail(zk, rc, "make its path");
    }
    struct Stat stat; /* its transaction and its time: of another ensemble's both would differ */
    int rc = zoo_exists(zk->handle, zk->path, 0, &stat);
    if (rc != ZOK) return fail(zk, rc, "look at its path");
    char *group = zk->base.group;
    if (!*group)
        snprintf(group, sizeof zk->base.group, "%" PRIx64 "-%" PRIx64, stat.ctime, stat.czxid);
    zk->parents = true;
    return 0;
}

/* ---- children ---- */

static const char *number_of(const char *name) {
    size_t len = strlen(name);
    return len > NUMBER_LEN ? name + len - NUMBER_LEN : "";
}

/* Was our child deleted while we could not look? Then we must stand anew. */
static void check_own(struct zk *zk, const struct String_vector *list) {
    bool there = false;
    for (int32_t i = 0; i < list->count && !there; i++)
        there = !strcmp(zk->own + strlen(zk->path) + 1, list->data[i]);
    if (there) return;
    forget_own(zk);
    coord_lost(&zk->base);
}

/* The child with the lowest number, and ours by its token; names live in `list`. */
static const char *lowest(struct zk *zk, const struct String_vector *list) {
    const char *low = NULL;
    if (zk->own[0]) check_own(zk, list);
    for (int32_t i = 0; i < list->count; i++) {
        const char *name = list->data[i];
        if (!*number_of(name)) continue; /* somebody else's */
        if (!low || strcmp(number_of(name), number_of(low)) < 0) low = name;
        if (!zk->own[0] && !strncmp(name, zk->token, strlen(zk->token)))
            snprintf(zk->own, sizeof zk->own, "%s/%s", zk->path, name);
    }
    return low;
}

static int data_text(struct zk *zk) {
    return snprintf(zk->data, sizeof zk->data, "%" PRId64 " %s", zk->lease_us, zk->base.node);
}

static int make_own(struct zk *zk) {
    char path[PATH_MAX_];
    struct Stat stat;
    snprintf(path, sizeof path, "%s/%s-", zk->path, zk->token);
    int rc = zoo_create2(zk->handle, path, zk->data, data_text(zk), acl(zk),
                         ZOO_EPHEMERAL_SEQUENTIAL, zk->own, sizeof zk->own, &stat);
    if (rc == ZOK) return zk->own_czxid = stat.czxid, 0;
    forget_own(zk); /* it may be there for all that: its token tells, next time */
    if (rc == ZNONODE) zk->parents = false;
    return fail(zk, rc, "stand for election");
}

/* We are the lowest: each write that is answered is a lease. */
static int renew(struct zk *zk, int64_t asked_us) {
    struct Stat stat;
    int rc = zoo_set2(zk->handle, zk->own, zk->data, data_text(zk), -1, &stat);
    if (rc == ZOK) {
        zk->own_czxid = stat.czxid;
        coord_heard(&zk->base, stat.czxid, asked_us, zk->lease_us);
        return 0;
    }
    if (rc != ZNONODE) return fail(zk, rc, "renew the lease");
    forget_own(zk);
    coord_lost(&zk->base);
    return 0;
}

/* Another is the lowest: remember when its version was new, and depose it when that is too old. */
static int look_at(struct zk *zk, const char *name, bool *again) {
    char path[PATH_MAX_], data[DATA_MAX + 1], who[COORD_NODE_MAX + 1] = "";
    int len = DATA_MAX;
    struct Stat stat;
    snprintf(path, sizeof path, "%s/%s", zk->path, name);
    int rc = zoo_get(zk->handle, path, 0, data, &len, &stat);
    if (rc == ZNONODE) return 0;
    if (rc != ZOK) return fail(zk, rc, "read who leads");
    struct str lease = {data, (size_t)MAX(len, 0)}, rest;
    int64_t lease_us = 0, now_us = env_mono_us(zk->base.env);
    lease = str_cut(lease, ' ', &rest);
    if (str_i64(lease, &lease_us)) lease_us = 0;
    if (rest.ptr) snprintf(who, sizeof who, "%.*s", (int)rest.len, rest.ptr);
    coord_other(&zk->base, str_of(who), stat.czxid);
    struct seen *seen = &zk->seen;
    if (strcmp(seen->path, path) || seen->czxid != stat.czxid || seen->version != stat.version) {
        memcpy(seen->path, path, sizeof path);
        seen->czxid = stat.czxid;
        seen->version = stat.version;
        seen->since_us = now_us;
        seen->lease_us = MAX(lease_us, zk->lease_us);
    }
    if (now_us - seen->since_us < seen->lease_us) return 0;
    rc = zoo_delete(zk->handle, path, seen->version);
    *again = rc == ZOK;
    if (rc == ZOK) diag_info("coord", "%s has not renewed its lease and is deposed", who);
    seen->path[0] = 0; /* renewed or gone meanwhile: look anew */
    return rc == ZOK || rc == ZBADVERSION || rc == ZNONODE ? 0 : fail(zk, rc, "depose a leader");
}

static int ask(struct zk *zk, bool *again) {
    struct String_vector list = {0, NULL};
    int64_t asked_us = env_mono_us(zk->base.env);
    int rc = zoo_get_children(zk->handle, zk->path, 0, &list);
    if (rc != ZOK) {
        if (rc == ZNONODE) zk->parents = false;
        return fail(zk, rc, "list who stands for election");
    }
    int err = 0;
    const char *low = list.count <= CHILD_MAX ? lowest(zk, &list) : NULL;
    if (list.count > CHILD_MAX)
        err = err_fail(ERR_TOO_BIG, "%d nodes stand for election under %s; the limit is %d",
                       list.count, zk->path, CHILD_MAX);
    else if (!zk->own[0] && !(err = make_own(zk)))
        *again = true;
    else if (!err && low && !strcmp(zk->own + strlen(zk->path) + 1, low))
        err = renew(zk, asked_us);
    else if (!err && low)
        err = look_at(zk, low, again);
    deallocate_String_vector(&list);
    return err;
}

static int zk_step(struct coord *coord) {
    struct zk *zk = (struct zk *)coord;
    int err = have_session(zk);
    if (!err) err = make_parents(zk);
    for (int i = 0; i < 3 && !err; i++) { /* made our child, or deposed one: who leads now? */
        bool again = false;
        err = ask(zk, &again);
        if (!again) break;
    }
    return err;
}

static int zk_resign(struct coord *coord) {
    struct zk *zk = (struct zk *)coord;
    if (!zk->handle || !zk->own[0]) return 0;
    if (zoo_state(zk->handle) != ZOO_CONNECTED_STATE) return fail(zk, ZCONNECTIONLOSS, "resign");
    int rc = zoo_delete(zk->handle, zk->own, -1);
    forget_own(zk);
    return rc == ZOK || rc == ZNONODE ? 0 : fail(zk, rc, "resign");
}

static int zk_open(struct coord **out, const struct coord_conf *conf UNUSED, const char *rest) {
    struct zk *zk = base_calloc(1, sizeof *zk);
    int err = read_address(zk, str_of(rest));
    if (!err) return *out = &zk->base, 0;
    arena_fini(&zk->arena);
    base_free(zk);
    return err;
}

static void zk_close(struct coord *coord) {
    struct zk *zk = (struct zk *)coord;
    end_session(zk);
    arena_fini(&zk->arena);
    base_free(zk);
}

/* ---- can it be used? ---- */

/* One line of what a server says of itself, "" when it does not. */
static void ask_server(struct str host, char *out, size_t max) {
    char name[PATH_MAX_];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *at = NULL;
    const char *colon = memrchr(host.ptr, ':', host.len);
    struct timeval wait = {2, 0};
    out[0] = 0;
    snprintf(name, sizeof name, "%.*s", (int)(colon - host.ptr), host.ptr);
    struct str port = {colon + 1, host.len - (size_t)(colon + 1 - host.ptr)};
    char digits[8];
    snprintf(digits, sizeof digits, "%.*s", STR_ARG(port));
    if (getaddrinfo(name, digits, &hints, &at)) return;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        if (!connect(fd, at->ai_addr, at->ai_addrlen) && send(fd, "srvr", 4, MSG_NOSIGNAL) == 4) {
            ssize_t len, sum = 0;
            while (sum < (ssize_t)max - 1 &&
                   (len = recv(fd, out + sum, max - 1 - (size_t)sum, 0)) > 0) sum += len;
            out[sum] = 0;
        }
        close(fd);
    }
    freeaddrinfo(at);
}

/* "3.9.5", of "Zookeeper version: 3.9.5-...". */
static void look_at_server(struct str host, const struct finding_to *to, int *answers) {
    char text[1024], version[32] = "";
    ask_server(host, text, sizeof text);
    const char *mark = "version: ", *at = strstr(text, mark), *mode = strstr(text, "Mode: ");
    if (!*text) {
        finding_warn(to, "start it, or take it out of the address", "%.*s does not answer",
                     STR_ARG(host));
        return;
    }
    ++*answers;
    if (at) snprintf(version, sizeof version, "%.*s", (int)strcspn(at + strlen(mark), "-, \n"),
                     at + strlen(mark));
    if (!*version)
        finding_ok(to, "%.*s reached; it does not tell its version (srvr is not in "
                   "4lw.commands.whitelist)", STR_ARG(host));
    else if (!finding_known(version, "3.5 3.6 3.7 3.8 3.9"))
        finding_warn(to, "3.5 to 3.9 were tried", "%.*s is version %s, which is not one we know",
                     STR_ARG(host), version);
    else
        finding_ok(to, "%.*s reached: version %s, %.*s", STR_ARG(host), version,
                   mode ? (int)strcspn(mode + 6, "\r\n") : 0, mode ? mode + 6 : "");
}

static void look_at_servers(struct zk *zk, const struct finding_to *to) {
    struct str hosts = str_of(zk->hosts);
    int cnt = 0, answers = 0;
    while (hosts.ptr) {
        struct str host = str_cut(hosts, ',', &hosts);
        look_at_server(host, to, &answers);
        cnt++;
    }
    if (cnt < 3)
        finding_warn(to, "an ensemble of three survives the loss of one",
                     "%d ZooKeeper server%s named: while one is away nobody may lead", cnt,
                     cnt == 1 ? " is" : "s are");
}

/* Makes and removes one child, under the path when it is there, else under what is there of it. Its
 * name ends in no number, so that it stands for no election. */
static void look_at_right(struct zk *zk, const struct finding_to *to) {
    char path[PATH_MAX_];
    struct Stat stat;
    snprintf(path, sizeof path, "%s", zk->path);
    int rc = zoo_exists(zk->handle, path, 0, &stat);
    while (rc == ZNONODE && strrchr(path, '/') != path) {
        *strrchr(path, '/') = 0;
        rc = zoo_exists(zk->handle, path, 0, &stat);
    }
    if (rc == ZNONODE) path[0] = 0;
    size_t len = strlen(path);
    snprintf(path + len, sizeof path - len, "/doctor");
    rc = zoo_create(zk->handle, path, "", 0, acl(zk), ZOO_EPHEMERAL, NULL, 0);
    if (rc == ZOK) rc = zoo_delete(zk->handle, path, -1);
    else if (rc == ZNODEEXISTS) rc = ZOK;
    if (rc == ZOK) finding_ok(to, "children may be made below %.*s/ (one was, and removed)",
                              (int)len, path);
    else finding_err(to, fail(zk, rc, "make a child"));
}

static void zk_doctor(struct coord *coord, const struct finding_to *to) {
    struct zk *zk = (struct zk *)coord;
    int64_t until_us = env_mono_us(coord->env) + DOCTOR_US;
    look_at_servers(zk, to);
    int err = begin_session(zk);
    while (!err && zoo_state(zk->handle) != ZOO_CONNECTED_STATE &&
           is_unrecoverable(zk->handle) == ZOK && env_mono_us(coord->env) < until_us)
        env_sleep_us(coord->env, CONNECT_NAP_US);
    int64_t want_ms = MAX(coord->lease_us / 1000 * 2, 1000);
    int state = err ? 0 : zoo_state(zk->handle);
    if (!err && state == ZOO_AUTH_FAILED_STATE)
        err = fail(zk, ZAUTHFAILED, "log in");
    else if (!err && state != ZOO_CONNECTED_STATE)
        err = err_fail(ERR_NET, "ZooKeeper %s: no session could be begun", zk->hosts);
    if (err) {
        finding_err(to, err);
        return;
    }
    int64_t got_ms = zoo_recv_timeout(zk->handle);
    if (got_ms * 2 / 3 < coord->lease_us / 1000)
        finding_warn(to, "raise maxSessionTimeout on the servers", "sessions last %" PRId64 " ms, "
                     "%" PRId64 " were asked for: leases are shorter, and a slow moment of the "
                     "network ends a term", got_ms, want_ms);
    else finding_ok(to, "a session of %" PRId64 " ms, for leases of %" PRId64 " ms", got_ms,
                    coord->lease_us / 1000);
    look_at_right(zk, to);
}

const struct coord_ops coord_zookeeper_ops = {"zookeeper", true, zk_open, zk_doctor, zk_close,
                                              zk_step, zk_resign};
