/* safetensors_file.h - what an open container is inside; shared by the reader and the
 * index of shards. */
#ifndef ATTI_SAFETENSORS_FILE_H
#define ATTI_SAFETENSORS_FILE_H

#include "attend/safetensors.h"
#include "base/error.h"

typedef struct atti_st_part { /* one file */
    char *name;
    const unsigned char *bytes; /* the buffer after the header */
    att_storage *storage;       /* keeps bytes alive */
} atti_st_part;

typedef struct atti_st_entry {
    char *name;
    int dtype; /* row of the dtype table */
    int32_t ndim;
    int64_t *shape;
    size_t begin, end; /* in the part's bytes */
    int64_t part;
} atti_st_entry;

struct att_safetensors {
    atti_st_part *part;
    size_t n_parts, parts_cap;
    atti_st_entry *entry; /* by name */
    size_t n, cap;
    char *(*meta)[2];
    size_t n_meta, meta_cap;
};

typedef struct atti_st_dtype {
    const char *name;
    int bits;
    int32_t att; /* att_dtype or -1 */
} atti_st_dtype;
/* NULL past the end. */
const atti_st_dtype *atti_st_dtype_at(int i);

/* Opens one file as the only part. */
ATT_MUST_CHECK att_status atti_st_open_file(att_safetensors **out, const char *path);
/* Reads an index and joins its shards. */
ATT_MUST_CHECK att_status atti_st_open_index(att_safetensors **out, const char *path);
void atti_st_sort(att_safetensors *f); /* entries by name */
void atti_st_entry_deinit(atti_st_entry *e);
/* "a Git LFS pointer; ..." when the first bytes are those of something that people hand over
 * by mistake, else NULL. */
const char *atti_st_what_is(const unsigned char *p, size_t n);

#endif
