/* train.c - trains a small translator on a list of sentence pairs, from C.
 *
 *   train [model directory]
 *
 * The pairs are few, so the model learns them by heart: the program checks that it says
 * every one of them, word for word. */
#include <attend/decode.h>
#include <attend/train.h>
#include <stdio.h>
#include <string.h>

static const char *const pairs[][2] = {
    {"i am a student", "ich bin ein student"},
    {"i am a teacher", "ich bin ein lehrer"},
    {"you are a student", "du bist ein student"},
    {"you are my friend", "du bist mein freund"},
    {"he is my friend", "er ist mein freund"},
    {"she is my sister", "sie ist meine schwester"},
    {"we are at home", "wir sind zu hause"},
    {"they are at school", "sie sind in der schule"},
    {"the dog is at home", "der hund ist zu hause"},
    {"the cat drinks milk", "die katze trinkt milch"},
};
enum { N_PAIRS = sizeof pairs / sizeof *pairs };

static int fail(void)
{
    fprintf(stderr, "train: %s\n", att_error_message());
    return 1;
}

static int write_side(const char *path, int side)
{
    FILE *f = fopen(path, "w");
    if (!f) return 0;
    for (int i = 0; i < N_PAIRS; i++) fprintf(f, "%s\n", pairs[i][side]);
    return fclose(f) == 0;
}

static void report(void *user, const att_train_report *r)
{
    (void)user;
    if (r->text) printf("%s\n", r->text);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "train-example-model";
    const char *source[] = {"train-example.en"}, *target[] = {"train-example.de"};
    if (!write_side(source[0], 0) || !write_side(target[0], 1)) {
        perror("train: cannot write the pairs");
        return 1;
    }

    att_train_opts o;
    att_train_opts_init(&o);
    o.train_source = source;
    o.train_target = target;
    o.n_train = 1;
    o.model_dir = dir;
    o.overwrite = 1;
    o.vocab_size = 120;
    o.d_model = 64;
    o.ffn = 128;
    o.encoder_layers = o.decoder_layers = 2;
    o.dropout = o.label_smoothing = 0.0f; /* by heart, for once */
    o.lr = 0.003f;
    o.warmup = 20;
    o.after = "120u";
    o.save_freq = o.disp_freq = "60u";
    o.average = 0;
    o.report = report;
    if (att_train_translate(&o, NULL) != ATT_OK) return fail();

    att_model *model = NULL;
    att_session *session = NULL;
    att_result *result = NULL;
    const char *texts[N_PAIRS];
    for (int i = 0; i < N_PAIRS; i++) texts[i] = pairs[i][0];
    if (att_model_load(&model, dir) != ATT_OK ||
        att_session_create(&session, model, NULL) != ATT_OK ||
        att_translate(session, &result, texts, NULL, N_PAIRS) != ATT_OK)
        return fail();
    int right = 0;
    for (int i = 0; i < N_PAIRS; i++) {
        const char *text = att_result_sentence(result, i)->hypotheses[0].text;
        printf("%s -> %s\n", pairs[i][0], text);
        right += strcmp(text, pairs[i][1]) == 0;
    }
    printf("%d of %d right\n", right, N_PAIRS);
    att_result_destroy(result);
    att_session_destroy(session);
    att_model_destroy(model);
    return right == N_PAIRS ? 0 : 1;
}
