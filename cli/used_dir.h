/* used_dir.h - directories that hold a model or a training are not written into unasked. */
#ifndef ATTEND_CLI_USED_DIR_H
#define ATTEND_CLI_USED_DIR_H

#include "cli.h"

/* Whether a model or a training lies there, whoever made it. */
bool used_dir_is(const char *dir);

/* true: may be written into. Otherwise it says what lies there; hint follows in brackets. */
bool used_dir_free(const char *dir, bool overwrite, const char *hint);

/* The same of a directory and all that lie in it. */
bool used_below_free(const char *dir, bool overwrite, const char *hint);

/* The same of a file. */
bool used_file_free(const char *path, bool overwrite);

/* Whether both names lead to one plain file or directory; that it is there is not asked. */
bool used_same(const char *a, const char *b);

#endif
