/* cross_attention.c - what did each target token look at? Translates one sentence and
 * prints its cross-attention, the mean over layers and heads, as a table.
 *
 *     cross_attention DIR "sentence" */
#include <attend/decode.h>
#include <stdio.h>

static void print_table(const att_model *model, const att_sentence *s)
{
    const att_hypothesis *h = &s->hypotheses[0];
    const char *piece;
    int32_t t, i;

    printf("%-12s", "");
    for (i = 0; i < s->n_source; i++) {
        piece = att_model_piece(model, 0, s->source_ids[i]);
        printf(" %8.8s", piece ? piece : "?");
    }
    printf("\n");
    /* One row a target token, </s> included: its weights sum to 1. */
    for (t = 0; t < h->n_scores; t++) {
        piece = t < h->n_ids ? att_model_piece(model, 1, h->ids[t]) : "</s>";
        printf("%-12.12s", piece ? piece : "?");
        for (i = 0; i < s->n_source; i++) {
            printf(" %8.3f", (double)h->alignment[t * s->n_source + i]);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    att_model *model = NULL;
    att_session *session = NULL;
    att_result *result = NULL;
    att_decode_opts opts;
    const char *text;
    att_status st;

    if (argc != 3) {
        fprintf(stderr, "usage: cross_attention DIR \"sentence\"\n");
        return 2;
    }
    text = argv[2];
    st = att_model_load(&model, argv[1]);
    if (st == ATT_OK) {
        att_decode_opts_init(&opts, model);
        opts.want_alignment = 1; /* align_layer and align_head choose; -1 is the mean */
        st = att_session_create(&session, model, &opts);
    }
    if (st == ATT_OK) st = att_translate(session, &result, &text, NULL, 1);
    if (st == ATT_OK) {
        const att_sentence *s = att_result_sentence(result, 0);
        printf("%s\n", s->hypotheses[0].text);
        if (s->hypotheses[0].alignment) print_table(model, s);
    } else {
        fprintf(stderr, "cross_attention: %s\n", att_error_message());
    }
    att_result_destroy(result);
    att_session_destroy(session);
    att_model_destroy(model);
    return st == ATT_OK ? 0 : 1;
}
