/* evaluate_files.c - accuracy, F1 and confusion of labels; perplexity and bits of text. */
#include "evaluate_files.h"
#include "attend/train.h"
#include "model_task.h"
#include "term.h"

#include <string.h>

/* --- labels ----------------------------------------------------------------------- */

static att_label_figures figures_of(const att_label_evaluation *e, int32_t i)
{
    att_label_figures f = {0};

    if (att_label_evaluation_get(e, &f, i) != ATT_OK) f.label = "?";
    return f;
}

/* Label counts by label, those that are zero left out: "NOUN as PROPN 12". */
static void print_confusion(const att_label_evaluation *e)
{
    int32_t n = att_label_evaluation_labels(e);

    printf("\nin the files  said to be  how often\n");
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < n; k++) {
            int64_t count = att_label_evaluation_count(e, i, k);

            if (count == 0 || i == k) continue;
            printf("%-12s  %-10s  %9lld\n", figures_of(e, i).label,
                   figures_of(e, k).label, (long long)count);
        }
}

static void print_labels(const att_label_evaluation *e, bool confusion)
{
    int32_t n = att_label_evaluation_labels(e);

    printf("accuracy = %.4f  macro F1 = %.4f  (%lld items)\n",
           att_label_evaluation_accuracy(e), att_label_evaluation_macro_f1(e),
           (long long)att_label_evaluation_items(e));
    printf("%-12s  %9s  %9s  %9s  %9s\n", "label", "in files", "precision", "recall",
           "F1");
    for (int32_t i = 0; i < n; i++) {
        att_label_figures f = figures_of(e, i);

        printf("%-12s  %9lld  %9.4f  %9.4f  %9.4f\n", f.label, (long long)f.in_files,
               f.precision, f.recall, f.f1);
    }
    if (confusion) print_confusion(e);
}

static void print_labels_json(const att_label_evaluation *e)
{
    int32_t n = att_label_evaluation_labels(e);
    cli_text t = {0};

    cli_add(&t, "{\"accuracy\":");
    cli_add_number(&t, att_label_evaluation_accuracy(e));
    cli_add(&t, ",\"macro_f1\":");
    cli_add_number(&t, att_label_evaluation_macro_f1(e));
    cli_addf(&t, ",\"items\":%lld,\"unknown\":%lld,\"labels\":[",
             (long long)att_label_evaluation_items(e),
             (long long)att_label_evaluation_unknown(e, NULL));
    for (int32_t i = 0; i < n; i++) {
        att_label_figures f = figures_of(e, i);

        cli_add(&t, i ? ",{\"label\":" : "{\"label\":");
        cli_add_json(&t, f.label);
        cli_addf(&t, ",\"in_files\":%lld,\"said\":%lld,\"right\":%lld,\"precision\":",
                 (long long)f.in_files, (long long)f.said, (long long)f.right);
        cli_add_number(&t, f.precision);
        cli_add(&t, ",\"recall\":");
        cli_add_number(&t, f.recall);
        cli_add(&t, ",\"f1\":");
        cli_add_number(&t, f.f1);
        cli_add(&t, "}");
    }
    cli_add(&t, "],\"confusion\":[");
    for (int32_t i = 0; i < n; i++) {
        cli_add(&t, i ? ",[" : "[");
        for (int32_t k = 0; k < n; k++)
            cli_addf(&t, k ? ",%lld" : "%lld",
                     (long long)att_label_evaluation_count(e, i, k));
        cli_add(&t, "]");
    }
    cli_add(&t, "]}");
    puts(t.s);
    cli_free(t.s);
}

static void print_number(const att_label_evaluation *e, bool json)
{
    double error = att_label_evaluation_squared_error(e);
    long long n = (long long)att_label_evaluation_items(e);

    if (json)
        printf("{\"mean_squared_error\":%.9g,\"items\":%lld}\n", error, n);
    else
        printf("mean squared error = %.6g  (%lld items)\n", error, n);
}

/* The library knows columns by their numbers, people by the options. */
static int refused(att_status st, const att_model *model, const char *file)
{
    int rc = cli_status(st);

    if (st != ATT_EFORMAT || !strstr(att_error_message(), "is no label of the model"))
        return rc;
    if (strcmp(att_model_task(model), "tag") == 0)
        cli_hint("is %s the file, and the column the right one (--column upos|xpos)?",
                 file);
    else
        cli_hint("is %s the file, and are the columns as they stand there (--columns "
                 "label,text)?",
                 file);
    return rc;
}

static void warn_of_unknown(const att_label_evaluation *e)
{
    const char *first;
    int64_t n = att_label_evaluation_unknown(e, &first);

    if (n > 0)
        cli_warn(
            "%lld label%s of the files %s none of the model's and count%s as wrong; "
            "the first is %s",
            (long long)n, n == 1 ? "" : "s", n == 1 ? "is" : "are", n == 1 ? "s" : "",
            first);
}

static int labels(const att_model *model, const cli_list *files,
                  const evaluate_files_opts *o)
{
    att_label_evaluation *e = NULL;
    att_status st;

    progress_busy("labelling");
    st = att_evaluate_labels(&e, model, files->item, files->n, o->columns,
                             o->column ? "xpos" : "upos");
    progress_busy_end();
    if (st != ATT_OK) return refused(st, model, files->item[0]);
    warn_of_unknown(e);
    if (att_label_evaluation_squared_error(e) >= 0)
        print_number(e, o->json != 0);
    else if (o->json)
        print_labels_json(e);
    else
        print_labels(e, o->confusion != 0);
    att_label_evaluation_destroy(e);
    return EXIT_FINE;
}

/* --- text ------------------------------------------------------------------------- */

static int text(const att_model *model, const cli_list *files,
                const evaluate_files_opts *o)
{
    att_text_evaluation e = {.size = sizeof e, .stride = o->slide};
    att_status st;
    char how[96];

    progress_busy("measuring the loss");
    st = att_evaluate_text(&e, model, files->item, files->n, o->context,
                           o->batch_tokens);
    progress_busy_end();
    if (st != ATT_OK) return cli_status(st);
    if (e.unknown)
        cli_warn("%lld of %lld tokens stand for text that the model's vocabulary does "
                 "not hold",
                 (long long)e.unknown, (long long)e.tokens + 1);
    if (e.stride)
        snprintf(how, sizeof how, "sliding: a context of %lld tokens moves by %lld",
                 (long long)e.context, (long long)e.stride);
    else
        snprintf(how, sizeof how, "consecutive blocks of %lld tokens",
                 (long long)e.context);
    if (o->json)
        printf("{\"nll\":%.9g,\"perplexity\":%.9g,\"accuracy\":%.9g,"
               "\"bits_per_byte\":%.9g,\"bits_per_char\":%.9g,\"tokens\":%lld,"
               "\"bytes\":%lld,\"chars\":%lld,\"context\":%lld,\"slide\":%lld}\n",
               e.nll, e.perplexity, e.accuracy, e.bits_per_byte, e.bits_per_char,
               (long long)e.tokens, (long long)e.bytes, (long long)e.chars,
               (long long)e.context, (long long)e.stride);
    else
        printf("nll = %.4f nats a token  perplexity = %.4f  accuracy = %.4f  bits per "
               "byte = %.4f  bits per character = %.4f  (%s, every position "
               "counted: %lld tokens, %lld bytes, %lld characters)\n",
               e.nll, e.perplexity, e.accuracy, e.bits_per_byte, e.bits_per_char, how,
               (long long)e.tokens, (long long)e.bytes, (long long)e.chars);
    return EXIT_FINE;
}

int evaluate_files(const att_model *model, const cli_list *files,
                   const evaluate_files_opts *o)
{
    const char *task = att_model_task(model);

    if (strcmp(task, "generate") == 0) return text(model, files, o);
    if (strcmp(task, "tag") == 0 || strcmp(task, "classify") == 0)
        return labels(model, files, o);
    return model_task_evaluate(model, o->model, "label words or texts");
}
