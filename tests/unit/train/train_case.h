/* train_case.h - a corpus of thirty pairs and a model of a few thousand numbers: a whole
 * training in a fraction of a second. */
#ifndef ATTEND_TESTS_TRAIN_CASE_H
#define ATTEND_TESTS_TRAIN_CASE_H

#include "attend/train.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CASE_PAIRS = 30 };

static const char *case_source, *case_target;

/* Word for word, the order of two of them changed: enough to have to learn something. */
static void case_write(const char *source, const char *target)
{
    static const char *const who[][2] = {{"the dog", "der hund"},
                                         {"the cat", "die katze"},
                                         {"a man", "ein mann"},
                                         {"my friend", "mein freund"},
                                         {"the child", "das kind"}};
    static const char *const what[][2] = {{"sleeps here", "schläft hier"},
                                          {"eats today", "isst heute"},
                                          {"sings well", "singt gut"}};
    static const char *const end[][2] = {{".", "."}, {"!", "!"}};
    FILE *a = fopen(source, "w"), *b = fopen(target, "w");
    assert_non_null(a);
    assert_non_null(b);
    for (int i = 0; i < CASE_PAIRS; i++) {
        int w = i % 5, x = i / 5 % 3, e = i / 15;
        fprintf(a, "%s %s %s\n", who[w][0], what[x][0], end[e][0]);
        fprintf(b, "%s %s %s\n", who[w][1], what[x][1], end[e][1]);
    }
    fclose(a);
    fclose(b);
}

static att_train_opts case_options(const char *dir)
{
    static char source[300], target[300];
    att_train_opts o;
    snprintf(source, sizeof source, "%s", support_temp("case.en"));
    snprintf(target, sizeof target, "%s", support_temp("case.de"));
    case_source = source;
    case_target = target;
    case_write(source, target);
    att_train_opts_init(&o);
    o.train_source = &case_source;
    o.train_target = &case_target;
    o.n_train = 1;
    o.valid_source = source;
    o.valid_target = target;
    o.model_dir = dir;
    o.vocab_size = 90;
    o.d_model = 16;
    o.ffn = 32;
    o.heads = 2;
    o.encoder_layers = o.decoder_layers = 1;
    o.lr = 0.005f;
    o.warmup = 10;
    o.batch_tokens = 120;
    o.schedule = "cosine";
    o.after = "24u";
    o.save_freq = "5u";
    o.valid_freq = "7u";
    o.disp_freq = "3u";
    o.average = 3;
    o.keep_checkpoints = 3;
    return o;
}

/* dir/name in a buffer of the caller's choice. */
static inline const char *case_path(char *buffer, size_t n, const char *dir,
                                    const char *name)
{
    snprintf(buffer, n, "%s/%s", dir, name);
    return buffer;
}

static inline void assert_same_file(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = support_read(a, &n), *y = support_read(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static inline void assert_same_model(const char *dir_a, const char *dir_b)
{
    static const char *const names[] = {"model.safetensors", "config.json",
                                        "vocab.json", "source.spm",
                                        "generation_config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char a[400], b[400];
        assert_same_file(case_path(a, sizeof a, dir_a, names[i]),
                         case_path(b, sizeof b, dir_b, names[i]));
    }
}

#endif
