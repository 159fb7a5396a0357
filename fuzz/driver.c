/* driver.c - runs a fuzz target over files, where there is no libFuzzer to do it.
 *
 * Arguments are files and folders of files; the empty input is always run first. The name of an
 * input is printed only when the target dies on it: a crash leaves it as the last line. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_LEN_MAX (16u << 20)
#define PATH_LEN_MAX  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char current[PATH_LEN_MAX] = "(empty input)";
static int run_cnt;

static void name_input(int sig) {
    static const char head[] = "died on ";
    ssize_t put = write(STDERR_FILENO, head, sizeof(head) - 1);
    put += write(STDERR_FILENO, current, strlen(current));
    put += write(STDERR_FILENO, "\n", 1);
    (void)put;
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool run_file(const char *path) {
    snprintf(current, sizeof(current), "%s", path);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    uint8_t *bytes = malloc(INPUT_LEN_MAX);
    size_t len = bytes ? fread(bytes, 1, INPUT_LEN_MAX, file) : 0;
    bool ok = bytes && !ferror(file);
    fclose(file);
    if (ok) {
        uint8_t *exact = malloc(len ? len : 1); /* so that a sanitizer sees a read past the end */
        ok = exact != NULL;
        if (ok) {
            memcpy(exact, bytes, len);
            LLVMFuzzerTestOneInput(exact, len);
            run_cnt++;
        }
        free(exact);
    }
    free(bytes);
    return ok;
}

static bool run_path(const char *path) {
    struct stat st;
    if (stat(path, &st) != 0) {
        perror(path);
        return false;
    }
    if (!S_ISDIR(st.st_mode)) return run_file(path);

    struct dirent **names = NULL;
    int cnt = scandir(path, &names, NULL, alphasort);
    bool ok = cnt >= 0;
    for (int idx = 0; idx < cnt; idx++) {
        char below[PATH_LEN_MAX];
        int len = snprintf(below, sizeof(below), "%s/%s", path, names[idx]->d_name);
        bool hidden = names[idx]->d_name[0] == '.';
        free(names[idx]);
        if (hidden) continue;
        ok = len < PATH_LEN_MAX && run_path(below) && ok;
    }
    free(names);
    return ok;
}

int main(int argc, char **argv) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (size_t idx = 0; idx < sizeof(fatal) / sizeof(fatal[0]); idx++) {
        signal(fatal[idx], name_input);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    run_cnt = 1;
    bool ok = true;
    for (int idx = 1; idx < argc; idx++) {
        ok = run_path(argv[idx]) && ok;
    }
    printf("%d inputs\n", run_cnt);
    return ok ? 0 : 1;
}
