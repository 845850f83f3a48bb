/* explain_csv.h - matrices from files of comma-separated numbers. */
#ifndef ATTEND_CLI_EXPLAIN_CSV_H
#define ATTEND_CLI_EXPLAIN_CSV_H

#include <stddef.h>
#include <stdint.h>

/* One row a line; a first column of words gives names. Empty lines and lines that begin with
 * # are skipped. */
typedef struct csv {
    double *v; /* [rows,cols], finite */
    int64_t rows, cols;
    char **names; /* [rows]; NULL: none */
} csv;
/* Exit code, 0 = read; csv_free() after either. */
int csv_read(csv *m, const char *path);
/* The same of a text with a NUL behind its len bytes, which is taken apart; path is for
 * messages. */
int csv_parse(csv *m, char *text, size_t len, const char *path);
void csv_free(csv *m);

#endif
