/* addr.h - listening sockets, and who holds a port that we wanted.
 *
 * Only loopback addresses are listened on, unless the process has permitted another one: there is
 * no authentication on the data ports yet, so anything else is refused with the reason.
 * Thread: any; addr_permit() before the first server is opened. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/str.h"

#define ADDR_NAME_MAX 16

/* A non-blocking listening TCP socket; *port is what was bound (0 asks the system for one).
 * ERR_AGAIN: taken, the note names the owner where /proc tells; ERR_DENIED: not a loopback host. */
int addr_listen(const char *host, uint16_t *port, int *fd) MUST_USE;
/* "NAME (process 123)" of who listens on a local TCP port, or "another process". */
void addr_owner(uint16_t port, char *out, size_t size);
/* Permits one more numeric IPv4 address to listen on, and the names by which clients may call this
 * server (HTTP's Host and Origin). ERR_CONFIG: it is none; too many names. */
int addr_permit(const char *listen, const struct str *name, size_t cnt) MUST_USE;
/* Is it a name or address of this server: a loopback one, or a permitted one? */
bool addr_is_ours(const char *host);
/* Is it a loopback name or address ("localhost", "127.x.y.z", "::1")? */
bool addr_is_loopback(const char *host);

#endif
