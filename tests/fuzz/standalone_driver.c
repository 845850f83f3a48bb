/* standalone_driver.c - replays a fuzz target's corpus without libFuzzer: every file and
 * every file of every directory named on the command line, one call each. Names each
 * input before it runs, on request, so that a crash can be told apart (-v). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int verbose;
static unsigned long inputs;

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    fseek(f, 0, SEEK_END);
    long end = ftell(f);
    rewind(f);
    size_t size = end > 0 ? (size_t)end : 0;
    /* Exactly as long as the input: a sanitizer sees one byte too many. */
    uint8_t *data = malloc(size ? size : 1);
    int failed = !data || fread(data, 1, size, f) != size;
    fclose(f);
    if (!failed) {
        if (verbose) fprintf(stderr, "%s (%zu bytes)\n", path, size);
        LLVMFuzzerTestOneInput(data, size);
        inputs++;
    } else {
        fprintf(stderr, "%s: cannot read\n", path);
    }
    free(data);
    return failed;
}

static int run_path(const char *path, int depth)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(info.st_mode)) return run_file(path);
    DIR *dir = depth < 8 ? opendir(path) : NULL;
    if (!dir) return 1;
    int failed = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        char child[4096];
        int n = snprintf(child, sizeof child, "%s/%s", path, e->d_name);
        if (n < 0 || (size_t)n >= sizeof child)
            failed = 1;
        else
            failed |= run_path(child, depth + 1);
    }
    closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-v"))
            verbose = 1;
        else
            failed |= run_path(argv[i], 0);
    }
    /* The empty input is part of every corpus; an empty corpus replays only that. */
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%lu inputs replayed\n", inputs + 1);
    return failed;
}
