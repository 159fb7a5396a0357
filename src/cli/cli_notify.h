/* cli_notify.h - telling systemd how the service is (Type=notify). */
#ifndef CLI_CLI_NOTIFY_H
#define CLI_CLI_NOTIFY_H

/* Sends lines such as "READY=1\nSTATUS=leads" to $NOTIFY_SOCKET; without one, nothing. What cannot
 * be sent is left: the service works without. */
void cli_notify(const char *lines);

#endif
