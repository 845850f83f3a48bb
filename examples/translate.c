/* translate.c - lines in, translations out: load a model directory, open a session, ask.
 *
 *     translate DIR [beam] < in.txt */
#include <attend/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, att_error_message());
    return 1;
}

int main(int argc, char **argv)
{
    att_model *model = NULL;
    att_session *session = NULL;
    att_decode_opts opts;
    char line[4096];
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: translate DIR [beam] < in.txt\n");
        return 2;
    }
    if (att_model_load(&model, argv[1]) != ATT_OK) return fail("loading");

    /* What the model's generation_config.json says; then what we want. */
    att_decode_opts_init(&opts, model);
    if (argc > 2) opts.beam_size = atoi(argv[2]);
    if (att_session_create(&session, model, &opts) != ATT_OK) {
        att_model_destroy(model);
        return fail("session");
    }
    fprintf(stderr, "%s with %lld parameters\n", att_model_architecture(model),
            (long long)att_model_parameters(model));

    while (status == 0 && fgets(line, sizeof line, stdin)) {
        const char *text = line;
        att_result *result = NULL;
        line[strcspn(line, "\n")] = '\0';
        if (att_translate(session, &result, &text, NULL, 1) != ATT_OK) {
            status = fail("translating");
        } else {
            /* Best first; the first is the translation. */
            const att_hypothesis *best = att_result_sentence(result, 0)->hypotheses;
            printf("%s\n", best->text);
            fprintf(stderr, "score %.3f, %d tokens\n", (double)best->score,
                    best->n_ids);
        }
        att_result_destroy(result);
    }
    att_session_destroy(session);
    att_model_destroy(model);
    return status;
}
