/* train_run.c - one training from the command line, whatever its task: checks, reports,
 * the dry run's table. */
#include "train_run.h"
#include "commands.h"
#include "term.h"
#include "train_plan.h"

#include <stdlib.h>
#include <string.h>

/* --- reports ---------------------------------------------------------------------- */

/* Until the first report there is nothing to save, and ^C ends the program at once. */
typedef struct watcher {
    const train_opts *o;
    progress bar;
    bool began; /* everything was checked and read */
} watcher;

static void report_json(const att_train_report *r)
{
    static const char *const kinds[] = {"start",      "step",   "validation",
                                        "checkpoint", "notice", "end"};
    cli_text t = {0};

    cli_addf(&t, "{\"kind\":\"%s\",\"update\":%lld,\"epoch\":",
             r->kind >= 0 && r->kind < 6 ? kinds[r->kind] : "?", (long long)r->update);
    cli_add_number(&t, r->epoch);
    if (r->kind == 1) {
        cli_add(&t, ",\"loss\":");
        cli_add_number(&t, r->loss);
        cli_add(&t, ",\"nll\":");
        cli_add_number(&t, r->nll);
        cli_add(&t, ",\"lr\":");
        cli_add_number(&t, r->lr);
        cli_add(&t, ",\"grad_norm\":");
        cli_add_number(&t, r->grad_norm);
        cli_add(&t, ",\"tokens_per_s\":");
        cli_add_number(&t, r->target_tokens_per_s);
    }
    if (r->kind == 2) {
        cli_add(&t, ",\"valid_nll\":");
        cli_add_number(&t, r->valid_nll);
        if (r->valid_bleu >= 0) {
            cli_add(&t, ",\"valid_bleu\":");
            cli_add_number(&t, r->valid_bleu);
        }
        if (r->valid_accuracy >= 0) {
            cli_add(&t, ",\"valid_accuracy\":");
            cli_add_number(&t, r->valid_accuracy);
        }
        cli_addf(&t, ",\"best\":%s", r->best ? "true" : "false");
    }
    if (r->text && r->kind != 1) {
        cli_add(&t, ",\"text\":");
        cli_add_json(&t, r->text);
    }
    cli_add(&t, ",\"elapsed_s\":");
    cli_add_number(&t, r->elapsed_s);
    puts(cli_format("%s}", t.s));
    fflush(stdout);
    cli_free(t.s);
}

/* Reports come several times a second, for the bar; those that --disp-freq asked for
 * carry a text. */
static void report_step(watcher *w, const att_train_report *r)
{
    char spent[32], left[32], speed[40];
    cli_text t = {0};

    if (r->text) {
        cli_addf(&t, "%s  %s", r->text, term_duration(spent, r->elapsed_s));
        if (r->remaining_s >= 0)
            cli_addf(&t, "  ETA %s", term_duration(left, r->remaining_s));
        cli_say("%s", t.s);
        t.n = 0;
    }
    cli_addf(&t, "update %lld  loss %.3f  %s %s/s", (long long)r->update, r->loss,
             term_count(speed, (int64_t)r->target_tokens_per_s),
             w->o->unit ? w->o->unit : "tok");
    progress_update(&w->bar, r->fraction_done, r->remaining_s, t.s);
    cli_free(t.s);
}

/* The settings in force in one paragraph, for the log. */
static void say_settings(const train_opts *o)
{
    cli_text t = {0}, json = {0};
    char *line, *save = NULL;
    int at = 0;

    opt_dump_json(&json, o->command, o);
    for (line = strtok_r(json.s, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *name = strchr(line, '"'), *colon = strstr(line, "\": ");
        size_t n;

        if (!name || !colon || strncmp(name, "\"attend", 7) == 0 ||
            strncmp(name, "\"command", 8) == 0)
            continue;
        *colon = 0;
        n = strlen(colon + 3);
        if (n && colon[n + 2] == ',') colon[n + 2] = 0;
        char *item = cli_format("%s %s", name + 1, colon + 3);
        if (at + (int)strlen(item) > 96) {
            cli_add(&t, "\n   ");
            at = 0;
        }
        at += (int)strlen(item) + 3;
        cli_addf(&t, " %s;", item);
        cli_free(item);
    }
    cli_say("settings:\n   %s", t.s);
    cli_free(t.s);
    cli_free(json.s);
}

static void report(void *user, const att_train_report *r)
{
    watcher *w = user;

    if (!w->began) {
        /* Errors come alone: the settings wait until nothing was found wrong. */
        w->began = true;
        cli_catch_signals();
        progress_busy_end();
        say_settings(w->o);
        if (w->o->plan) train_plan_say();
        progress_start(&w->bar, "training");
    }
    if (w->o->json && (r->kind != 1 || r->text)) report_json(r);
    switch (r->kind) {
    case 1: report_step(w, r); break;
    case 2:
        cli_say("%s%s%s", term_style(stderr, "1"), r->text ? r->text : "validation",
                term_style(stderr, "0"));
        break;
    default:
        /* Checkpoints where the bar stands would only push the figures away. */
        if (r->kind == 3 && progress_visible()) break;
        if (r->text && *r->text) cli_say("%s", r->text);
    }
}

/* --- the dry run's table ---------------------------------------------------------- */

static void row(const char *name, const char *value)
{
    printf("%-28s %16s\n", name, value);
}

static void print_estimate(const att_train_estimate *e, const char *items)
{
    const struct {
        const char *name;
        int64_t bytes;
    } part[] = {{"  weights", e->weights},
                {"  gradients", e->gradients},
                {"  optimiser", e->optimizer},
                {"  activations", e->activations},
                {"  data", e->data}};
    int64_t sum = 0;
    char s[40];

    row("parameters", term_count(s, e->parameters));
    for (size_t i = 0; i < 5; i++) sum += part[i].bytes;
    row("memory", term_bytes(s, (double)sum));
    for (size_t i = 0; i < 5; i++)
        row(part[i].name, term_bytes(s, (double)part[i].bytes));
    row(items, term_count(s, e->pairs));
    row("  skipped (too long, empty)", term_count(s, e->pairs_skipped));
    snprintf(s, sizeof s, "%.2f G", e->flops_per_update * 1e-9);
    row("operations an update", s);
    snprintf(s, sizeof s, "%.3f s", e->seconds_per_update);
    row("time an update, measured", s);
    row("updates", term_count(s, e->updates_total));
    row("expected time", term_duration(s, e->seconds_total));
}

static void estimate_json(const att_train_estimate *e)
{
    printf(
        "{\"parameters\":%lld,\"memory\":{\"weights\":%lld,\"gradients\":%lld,"
        "\"optimizer\":%lld,\"activations\":%lld,\"data\":%lld},\"flops_per_update\":%.0f,"
        "\"seconds_per_update\":%.6f,\"seconds_total\":%.3f,\"updates\":%lld,"
        "\"pairs\":%lld,\"pairs_skipped\":%lld}\n",
        (long long)e->parameters, (long long)e->weights, (long long)e->gradients,
        (long long)e->optimizer, (long long)e->activations, (long long)e->data,
        e->flops_per_update, e->seconds_per_update, e->seconds_total,
        (long long)e->updates_total, (long long)e->pairs, (long long)e->pairs_skipped);
}

/* What the directory's training began with holds for all that is not given anew. */
static int stored_settings(train_opts *o)
{
    char *path;

    if (!o->t.resume || !o->t.model_dir || o->c.config) return 0;
    path = cli_format("%s/config.train.json", o->t.model_dir);
    return cli_is_file(path) ? opt_add_config(o->command, o, path) : 0;
}

/* Whatever is wrong with the options by themselves, before a file is touched. */
static int check_options(train_opts *o)
{
    const char *name = o->command->name;
    att_status st;
    int rc;

    if ((rc = stored_settings(o)) != 0) return rc;
    if ((rc = train_settle(o, name)) != 0) return rc;
    if (o->t.n_train == 0 && o->t.resume && o->t.model_dir)
        return cli_usage(name,
                         "%s: nothing to resume in %s, and no --train %s to begin with",
                         name, o->t.model_dir, o->one_side ? "FILE" : "SOURCE TARGET");
    if (o->t.n_train == 0)
        return cli_usage(name, "%s: --train %s is missing", name,
                         o->one_side ? "FILE" : "SOURCE TARGET");
    if (!o->t.model_dir && !o->t.dry_run)
        return cli_usage(name, "%s: -m DIR is missing", name);
    if (o->t.resume && o->t.overwrite)
        return cli_usage(name, "%s: --resume and --overwrite exclude each other", name);
    st = att_train_check(&o->t);
    return train_refused(st, name);
}

/* A missing file is told before a directory is made for what it should have become. */
static int check_files(const train_opts *o)
{
    const cli_list *lists[] = {&o->train, &o->valid, &o->tokenizers};

    if (!o->t.dry_run && !cli_is_dir_name(o->t.model_dir)) return EXIT_FAILED;
    /* What is resumed reads its own copies; without them the library asks for the files. */
    for (size_t i = 0; i < (o->t.resume ? 2 : 3); i++)
        for (int k = 0; k < lists[i]->n; k++)
            if (!cli_is_text_file(lists[i]->item[k])) return EXIT_FAILED;
    return 0;
}

int train_run(train_opts *o)
{
    watcher w = {.o = o};
    att_train_estimate estimate = {.size = sizeof estimate};
    cli_text config = {0};
    att_status st;
    int rc;

    if ((rc = check_options(o)) != 0) return rc;
    if ((rc = check_files(o)) != 0) return rc;
    if (o->plan && (rc = o->plan(o)) != 0) return rc;
    opt_dump_json(&config, o->command, o);
    o->t.config_text = config.s;
    o->t.report = report;
    o->t.stop = cli_stop;
    o->t.user = &w;
    /* A dry run has a directory to take away again. */
    if (o->t.dry_run) cli_catch_signals();
    progress_busy(o->t.dry_run ? "measuring" : "preparing");
    st = o->train_with(&o->t, &estimate);
    progress_busy_end();
    progress_end(&w.bar);
    if (st == ATT_ECANCELLED && cli_signal())
        cli_say("stopped; --resume goes on from the last checkpoint");
    if (st != ATT_OK) return cli_status(st);
    if (!o->t.dry_run) return EXIT_FINE;
    if (cli_signal()) return 128 + cli_signal();
    if (o->plan) train_plan_say();
    if (o->json)
        estimate_json(&estimate);
    else
        print_estimate(&estimate, o->items ? o->items : "sentence pairs");
    return EXIT_FINE;
}
