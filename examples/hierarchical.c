/* hierarchical.c - words -> sentences -> document (Yang et al. 2016): each level pools by
 * attention with a learned question. Made-up documents: "good" decides for class 1, "bad" for
 * class 0, all other words are noise. After a few steps the weights point at what decides. */
#include <attend/nn.h>
#include <stdio.h>

enum { DOCS = 64, MAX = 4000, VOCAB = 40, C = 16, STEPS = 60 };
static const char *const name[3] = {"bad", "good", "-"};
static int32_t ids[MAX], words[1000], sentences[DOCS + 1], labels[DOCS];
static int n_words, n_sentences;

static int below(unsigned n)
{
    static unsigned state = 1;
    state = state * 1103515245u + 12345u;
    return (int)((state >> 16) % n);
}

/* Documents of 2 to 4 sentences of 3 to 7 words; word 0 is "bad", word 1 "good". */
static void write_documents(void)
{
    n_words = n_sentences = 0;
    for (int d = 0; d < DOCS; d++) {
        int n = 2 + below(3), where = below((unsigned)n);
        labels[d] = below(2);
        for (int s = 0; s < n; s++) {
            int first = n_words;
            int last = n_words + 3 + below(5);
            while (n_words < last) ids[n_words++] = 2 + below(VOCAB - 2);
            if (s == where) ids[first + below((unsigned)(n_words - first))] = labels[d];
            words[++n_sentences] = n_words;
        }
        sentences[d + 1] = n_sentences;
    }
}

#define TRY(call)                                                                      \
    if ((call) != ATT_OK) goto fail

int main(void)
{
    att_tape *t = NULL;
    att_nn *nn = NULL;
    att_rows rows[3]; /* words, sentences, sentences + 1 */
    att_var id, word_off, sent_off, target, x, doc, logits, loss, stats, word_weights;
    att_nn_hierarchy_opts h;
    att_tape_plan_opts plan;
    att_tensor view;
    const int64_t most[3] = {MAX, 999, 1000};
    double right = 0;
    TRY(att_tape_create(&t));
    TRY(att_nn_create(&nn, t, NULL)); /* the layers own their parameters */
    TRY(att_tape_symbol(t, &rows[0], "words"));
    TRY(att_tape_symbol(t, &rows[1], "sentences"));
    TRY(att_tape_symbol_plus(t, &rows[2], rows[1], 1));
    TRY(att_tape_input(t, &id, "ids", ATT_I32, rows[0], 1));
    TRY(att_tape_input(t, &word_off, "word offsets", ATT_I32, rows[2], 1));
    TRY(att_tape_input(t, &sent_off, "sentence offsets", ATT_I32, DOCS + 1, 1));
    TRY(att_tape_input(t, &target, "labels", ATT_I32, DOCS, 1));
    TRY(att_nn_embedding(nn, &x, id, ATT_NO_VAR, ATT_NO_VAR, "words", VOCAB, C, 1, 0));
    att_nn_hierarchy_opts_init(&h);
    h.word_weights = &word_weights;
    TRY(att_nn_hierarchy(nn, &doc, x, word_off, sent_off, &h));
    TRY(att_nn_linear(nn, &logits, doc, "class", 2, 1, ATT_ACT_NONE, 0));
    TRY(att_op_cross_entropy(t, &loss, &stats, logits, target, 0));
    TRY(att_tape_keep(t, word_weights)); /* to look at */
    TRY(att_nn_start(nn, 1, 1));
    att_tape_plan_opts_init(&plan);
    plan.training = 1, plan.loss = loss, plan.max_rows = most, plan.n_max_rows = 3;
    TRY(att_tape_plan(t, &plan));
    for (int step = 0; step <= STEPS; step++) { /* new documents each time */
        write_documents();
        TRY(att_tape_bind(t, rows[0], n_words));
        TRY(att_tape_bind(t, rows[1], n_sentences));
        TRY(att_tape_set(t, id, ids));
        TRY(att_tape_set(t, word_off, words));
        TRY(att_tape_set(t, sent_off, sentences));
        TRY(att_tape_set(t, target, labels));
        TRY(att_tape_forward(t, 1, (uint64_t)step, step < STEPS));
        TRY(att_tape_value(t, &view, stats));
        right = (double)((const float *)view.data)[3] / DOCS;
        if (step % 20 == 0) printf("step %2d: %3.0f %% right\n", step, 100 * right);
        if (step == STEPS) break;
        TRY(att_tape_backward(t, loss, 1.0f / DOCS, 0));
        TRY(att_nn_adam(nn, 0.02f));
    }
    TRY(att_tape_value(t, &view, word_weights));
    for (int n = 0; n < sentences[1]; n++) {
        for (int w = words[n]; w < words[n + 1]; w++)
            printf(" %s:%.2f", name[ids[w] > 1 ? 2 : ids[w]],
                   (double)((const float *)view.data)[w]);
        printf("\n");
    }
    att_nn_destroy(nn);
    att_tape_destroy(t);
    return right < 0.95;
fail:
    fprintf(stderr, "hierarchical: %s\n", att_error_message());
    return 1;
}
