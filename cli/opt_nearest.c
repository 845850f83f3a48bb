/* opt_nearest.c - names that are nearly right: what was meant by --bem-size. */
#include "opt.h"

#include <string.h>

/* Edits that turn a into b: insert, delete, replace, swap neighbours. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    int row[3][MAX + 1];
    int n = (int)strlen(a), m = (int)strlen(b);

    if (n > MAX || m > MAX) return MAX;
    for (int j = 0; j <= m; j++) row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);

            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *opt_nearest(const char *word, const char *const *names, size_t n)
{
    size_t len = strlen(word);
    int limit = len < 4 ? 1 : len < 8 ? 2 : 3, best = limit + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        int d = distance(word, names[i]);

        /* A beginning is as good as one edit. */
        if (len >= 3 && strncmp(word, names[i], len) == 0 && d > 1) d = 1;
        if (d < best) {
            best = d;
            found = names[i];
        }
    }
    return found;
}
