/* transfer.h - one libcurl transfer that can be stopped at any moment.
 *
 * Thread: any; it blocks. A transfer that is stopped ends within TRANSFER_STOP_MS, whatever the
 * other side does, a name that does not resolve included. */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include "base/base.h"

#include <curl/curl.h>

#define TRANSFER_STOP_MS 100

/* As curl_easy_perform(). CURLE_ABORTED_BY_CALLBACK: `stopped` said so; NULL: never asked. */
CURLcode transfer_run(CURL *curl, bool (*stopped)(void *arg), void *arg) MUST_USE;

#endif
