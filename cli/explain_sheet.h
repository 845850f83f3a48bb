/* explain_sheet.h - a computation as a list of matrices, shown in the terminal or drawn. */
#ifndef ATTEND_CLI_EXPLAIN_SHEET_H
#define ATTEND_CLI_EXPLAIN_SHEET_H

#include "explain_csv.h"
#include "explain_parts.h"

typedef struct sheet {
    att_sheet_item *items;
    int64_t n, cap;
    bool columns; /* --notation columns: everything is shown transposed */
    int32_t digits;
} sheet;

/* Copies values [rows,cols] and names; the title's text is owned by the sheet. */
void sheet_add(sheet *s, bool new_line, char *title, const double *values, int64_t rows,
               int64_t cols, char *const *row_names, char *const *col_names);
/* To the terminal, or to a file when path is given. Exit code. */
int sheet_show(const sheet *s, const char *heading, const explain_opts *o);
void sheet_free(sheet *s);

#endif
