/* addr.h - listening sockets, and who holds a port that we wanted.
 *
 * Thread: any. Only loopback addresses are listened on: there is no authentication on the data
 * ports yet, so anything else is refused with the reason. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/base.h"

/* A non-blocking listening TCP socket; *port is what was bound (0 asks the system for one).
 * ERR_AGAIN: taken, the note names the owner where /proc tells; ERR_DENIED: not a loopback host. */
int addr_listen(const char *host, uint16_t *port, int *fd) MUST_USE;
/* "NAME (process 123)" of who listens on a local TCP port, or "another process". */
void addr_owner(uint16_t port, char *out, size_t size);
/* Is it a loopback name or address ("localhost", "127.x.y.z", "::1")? */
bool addr_is_loopback(const char *host);

#endif
