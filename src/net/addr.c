/* addr.c - binding to loopback, and finding a port's owner in /proc. */
#include "net/addr.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 512

/* What addr_permit() was given. */
static struct {
    char listen[INET_ADDRSTRLEN];
    char name[ADDR_NAME_MAX][256];
    size_t cnt;
} permitted;

bool addr_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    if (!strcasecmp(host, "localhost")) return true;
    if (inet_pton(AF_INET, host, &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
    return false;
}

int addr_permit(const char *listen, const struct str *name, size_t cnt) {
    struct in_addr v4;
    if (inet_pton(AF_INET, listen, &v4) != 1)
        return err_fail(ERR_CONFIG, "listen: '%s' is no IPv4 address in numbers, such as 0.0.0.0",
                        listen);
    if (cnt > ADDR_NAME_MAX)
        return err_fail(ERR_CONFIG, "hosts: %zu names; the limit is %d", cnt, ADDR_NAME_MAX);
    for (size_t i = 0; i < cnt; i++)
        snprintf(permitted.name[i], sizeof permitted.name[i], "%.*s", STR_ARG(name[i]));
    permitted.cnt = cnt;
    snprintf(permitted.listen, sizeof permitted.listen, "%s", listen);
    return 0;
}

bool addr_is_ours(const char *host) {
    for (size_t i = 0; i < permitted.cnt; i++)
        if (!strcasecmp(permitted.name[i], host)) return true;
    return addr_is_loopback(host);
}

/* The inode of the socket that listens on `port`, from /proc/net/tcp; 0: none. */
static unsigned long listen_inode(uint16_t port) {
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    unsigned long found = 0;
    for (size_t i = 0; i < ARRAY_LEN(tables) && !found; i++) {
        FILE *file = fopen(tables[i], "re");
        char line[512];
        while (file && !found && fgets(line, sizeof line, file)) {
            unsigned local, state;
            unsigned long inode;
            if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
                       &local, &state, &inode) == 3 && local == port && state == 0x0A)
                found = inode;
        }
        if (file) fclose(file);
    }
    return found;
}

/* Does process `pid` have the socket open? */
static bool holds(const char *pid, const char *socket_name) {
    char dir[300], path[600], target[64];
    snprintf(dir, sizeof dir, "/proc/%s/fd", pid);
    DIR *fds = opendir(dir);
    bool found = false;
    for (struct dirent *entry; fds && !found && (entry = readdir(fds));) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        ssize_t len = readlink(path, target, sizeof target - 1);
        if (len <= 0) continue;
        target[len] = 0;
        found = !strcmp(target, socket_name);
    }
    if (fds) closedir(fds);
    return found;
}

void addr_owner(uint16_t port, char *out, size_t size) {
    char socket_name[64], path[300], name[64] = "?";
    snprintf(out, size, "another process");
    unsigned long inode = listen_inode(port);
    snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
    DIR *proc = inode ? opendir("/proc") : NULL;
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        if (!holds(entry->d_name, socket_name)) continue;
        snprintf(path, sizeof path, "/proc/%s/comm", entry->d_name);
        FILE *comm = fopen(path, "re");
        if (comm && fgets(name, sizeof name, comm)) name[strcspn(name, "\n")] = 0;
        if (comm) fclose(comm);
        snprintf(out, size, "%s (process %s)", name, entry->d_name);
        break;
    }
    if (proc) closedir(proc);
}

static int fail_bind(const char *host, uint16_t port, int errnum) {
    if (errnum != EADDRINUSE)
        return err_fail_os(ERR_NET, errnum, "cannot listen on %s:%u", host, port);
    char owner[128];
    addr_owner(port, owner, sizeof owner);
    return err_fail(ERR_AGAIN, "port %u is in use by %s; stop it, or choose another port", port,
                    owner);
}

int addr_listen(const char *host, uint16_t *port, int *out) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(*port)};
    const char *numeric = strcasecmp(host, "localhost") ? host : "127.0.0.1";
    bool may = addr_is_loopback(host) || !strcmp(host, permitted.listen);
    if (!may || inet_pton(AF_INET, numeric, &addr.sin_addr) != 1)
        return err_fail(ERR_DENIED, "will not listen on '%s': only loopback (127.0.0.1) is "
                        "allowed, since clients are not authenticated; sluice.yml can permit "
                        "another one by   listen: ADDRESS", host);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_fail_os(ERR_NET, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    socklen_t len = sizeof addr;
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0) {
        int err = fail_bind(host, *port, errno);
        close(fd);
        return err;
    }
    *port = ntohs(addr.sin_port);
    *out = fd;
    return 0;
}
