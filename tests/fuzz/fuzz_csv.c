/* fuzz_csv.c - what someone typed into a file for `attend explain --input`: refused in words,
 * or a matrix of finite numbers with a name for every row or for none. The reader belongs to
 * the program, so its source is taken in here, over plain memory. In the corpus a first
 * byte '!' marks an input that must be refused, '=' one that must be read. */
#include "../../cli/explain_csv.c"

#include <stdarg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libFuzzer changes inputs and leaves their marks, so they count for the replay alone:
 * only libFuzzer calls this. */
static bool marks_count = true;
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    marks_count = false;
    return 0;
}

static char said[512];

int cli_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(said, sizeof said, fmt, args) < 1) abort();
    va_end(args);
    return EXIT_FAILED;
}

void *cli_alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p) abort();
    return p;
}

void *cli_resize(void *p, size_t count, size_t size)
{
    p = realloc(p, count * size);
    if (!p) abort();
    return p;
}

char *cli_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(cli_alloc(n, 1), s, n);
}

void cli_free(void *p)
{
    free(p);
}

char *cli_read_file(const char *path, size_t max, size_t *len)
{
    (void)path, (void)max, (void)len;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char mark = size && (data[0] == '!' || data[0] == '=') ? (char)data[0] : 0;
    size_t skip = mark ? 1 : 0, n = size - skip;
    char *text = cli_alloc(n + 1, 1);
    csv m;
    if (n) memcpy(text, data + skip, n);
    said[0] = 0;
    int rc = csv_parse(&m, text, n, "fuzz");
    if (marks_count && ((mark == '!' && rc == 0) || (mark == '=' && rc != 0))) abort();
    if (rc) {
        if (!said[0]) abort();
    } else {
        if (m.rows < 1 || m.cols < 1) abort();
        for (int64_t i = 0; i < m.rows * m.cols; i++)
            if (!isfinite(m.v[i])) abort();
        for (int64_t i = 0; m.names && i < m.rows; i++)
            if (!m.names[i][0]) abort();
    }
    csv_free(&m);
    free(text);
    return 0;
}
