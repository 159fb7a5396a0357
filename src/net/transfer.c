/* transfer.c - a transfer in small waits, with a question between them. */
#include "net/transfer.h"

/* What the only transfer of `multi` came to. */
static CURLcode result_of(CURLM *multi) {
    int left;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
}

CURLcode transfer_run(CURL *curl, bool (*stopped)(void *arg), void *arg) {
    if (!stopped) return curl_easy_perform(curl);
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (!multi) return code;
    CURLMcode err = curl_multi_add_handle(multi, curl);
    for (int running = 1; !err && running;) {
        err = curl_multi_perform(multi, &running);
        if (err) break;
        if (!running) {
            code = result_of(multi);
        } else if (stopped(arg)) {
            /* Else the end would wait for the thread that resolves the name. */
            curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        } else {
            err = curl_multi_poll(multi, NULL, 0, TRANSFER_STOP_MS, NULL);
        }
    }
    curl_multi_remove_handle(multi, curl);
    curl_multi_cleanup(multi);
    return code;
}
