/* bench_peer.c - the peer as a process: its standard output, line by line. */
#include "bench_peer.h"

#include "cli.h"
#include "term.h"

#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Where the value of a key of a flat object begins, or NULL. */
static const char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);

    for (const char *p = strchr(line, '"'); p; p = strchr(p + 1, '"')) {
        if (strncmp(p + 1, key, n) != 0 || p[n + 1] != '"') continue;
        p += n + 2;
        p += strspn(p, " ");
        if (*p == ':') return p + 1 + strspn(p + 1, " ");
    }
    return NULL;
}

static double number_of(const char *line, const char *key)
{
    const char *p = value_of(line, key);

    return p ? strtod(p, NULL) : 0;
}

static void word_of(char *to, size_t size, const char *line, const char *key)
{
    const char *p = value_of(line, key);
    size_t n = p && *p == '"' ? strcspn(p + 1, "\"") : 0;

    if (n >= size) n = size - 1;
    if (n) memcpy(to, p + 1, n);
    to[n] = '\0';
}

static void read_case(peer_case *c, const char *line)
{
    const char *shape = value_of(line, "shape_bhtd"),
               *causal = value_of(line, "causal");

    memset(c, 0, sizeof *c);
    word_of(c->name, sizeof c->name, line, "peer");
    word_of(c->score, sizeof c->score, line, "score");
    word_of(c->dtype, sizeof c->dtype, line, "dtype");
    for (int i = 0; i < 4 && shape && (*shape == '[' || *shape == ','); i++) {
        char *end;
        c->shape[i] = strtoll(shape + 1, &end, 10);
        shape = end;
    }
    c->causal = causal && strncmp(causal, "true", 4) == 0;
    c->heads = (int64_t)number_of(line, "heads");
    c->kv_heads = (int64_t)number_of(line, "kv_heads");
    c->keys = (int64_t)number_of(line, "keys");
    c->width = (int64_t)number_of(line, "width");
    c->nodes = (int64_t)number_of(line, "nodes");
    c->edges = (int64_t)number_of(line, "edges");
    c->fwd_ms = number_of(line, "fwd_ms");
    c->bwd_ms = number_of(line, "bwd_ms");
    c->fwd_gflops = number_of(line, "fwd_gflops");
    c->bwd_gflops = number_of(line, "bwd_gflops");
    c->gbytes_per_s = number_of(line, "gbytes_per_s");
}

/* The program's standard output as a stream, its process; 0 or an errno. */
static int start(FILE **out, pid_t *pid, char *const *argv)
{
    posix_spawn_file_actions_t acts;
    int ends[2], rc;

    if (pipe(ends) != 0) return -1;
    posix_spawn_file_actions_init(&acts);
    posix_spawn_file_actions_adddup2(&acts, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&acts, ends[0]);
    rc = posix_spawn(pid, argv[0], &acts, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    close(ends[1]);
    *out = rc == 0 ? fdopen(ends[0], "r") : NULL;
    if (!*out) close(ends[0]);
    return rc;
}

/* Takes the peer's script to pieces: its own main, its own way of timing and counting, but
 * over the shapes that were asked for, and only those. Arguments: script, threads, part,
 * dtype, causal (0, 1, - = both), shapes. */
static const char driver[] =
    "import ast, sys\n"
    "path, threads, part, dtype, causal, *texts = sys.argv[1:]\n"
    "shapes = [tuple(int(x) for x in t.split(',')) for t in texts]\n"
    "tree = ast.parse(open(path).read())\n"
    "tree.body = [n for n in tree.body if not (isinstance(n, ast.Expr)\n"
    "             and isinstance(n.value, ast.Call))]\n"
    "peer = {'__name__': 'peer'}\n"
    "exec(compile(tree, path, 'exec'), peer)\n"
    "timed = peer['case']\n"
    "def case(name, kind, shape, mask, *more):\n"
    "    if (kind == dtype and (not shapes or tuple(shape) in shapes)\n"
    "            and (causal == '-' or bool(mask) == (causal == '1'))):\n"
    "        timed(name, kind, shape, mask, *more)\n"
    "peer['case'] = case\n"
    "if shapes:\n"
    "    peer['SHAPES'] = shapes\n"
    "sys.argv = [path, '--threads', threads, '--only', part]\n"
    "peer['main']()\n";

static void read_cases(peer_case **cases, int *n, FILE *out, const char *dtype)
{
    char line[4096], text[96];
    int room = 0;

    progress_busy("PyTorch's side");
    while (out && fgets(line, sizeof line, out)) {
        if (line[0] != '{') continue;
        if (*n == room) {
            room = room ? 2 * room : 16;
            *cases = cli_resize(*cases, (size_t)room, sizeof **cases);
        }
        read_case(&(*cases)[*n], line);
        if ((*cases)[*n].dtype[0] && strcmp((*cases)[*n].dtype, dtype) != 0) continue;
        (*n)++;
        snprintf(text, sizeof text, "PyTorch's side, %d timed", *n);
        progress_busy_end();
        progress_busy(text);
    }
    progress_busy_end();
    if (out) fclose(out);
}

int peer_attention(peer_case **cases, int *n, const peer_wish *w)
{
    char *python = cli_format("%s/bin/python", w->venv);
    char *script = cli_format("%s/attention.py", w->dir),
         *team = cli_format("%d", w->threads), *part = cli_strdup(w->part),
         *dtype = cli_strdup(w->dtype), *program = cli_strdup(driver);
    char flag[] = "-c", causal[] = {w->causal, '\0'};
    char *first[] = {python, flag, program, script, team, part, dtype, causal};
    char **argv = cli_resize(NULL, (size_t)w->n_shapes + 9, sizeof *argv);
    int k = 8, status = 0, rc = 0;
    FILE *out;
    pid_t pid;

    *cases = NULL;
    *n = 0;
    memcpy(argv, first, sizeof first);
    for (int i = 0; i < w->n_shapes; i++) argv[k++] = cli_strdup(w->shapes[i]);
    argv[k] = NULL;
    if (access(python, X_OK) != 0)
        rc = cli_fail("--peers: %s: no Python there", python);
    else if (access(script, R_OK) != 0)
        rc = cli_fail("--peers-dir: %s: not there", script);
    else if ((rc = start(&out, &pid, argv)) != 0)
        rc = cli_fail("--peers: %s: %s", python, strerror(rc));
    else {
        read_cases(cases, n, out, w->dtype);
        if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 0)
            rc = cli_fail("--peers: %s failed", script);
    }
    for (int i = 0; i < k; i++)
        if (argv[i] != flag && argv[i] != causal) cli_free(argv[i]);
    cli_free(argv);
    return rc;
}
