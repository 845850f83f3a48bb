#!/usr/bin/env python3
"""Changes attention's code one place at a time and sees whether the tests notice.

    tools/mutate.py [--build DIR] [--only TEXT] [--list]

Works on a copy of the tree below DIR (build/mutate), so the sources stay as they are. A
mutant that no test fails on is a hole in the tests: it is named, and the exit status is 1.
A mutant whose text is no longer in its file is stale and counts as a failure too.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = ["test_fused_composed", "test_attn_members", "test_attn_examples",
         "test_attn_hidden", "test_attention_grad", "test_attn_golden", "test_attn_observe",
         "test_attn_neighbours", "test_attn_corners", "test_attn_dense", "test_attn_fast",
         "test_attn_check"]

A = "src/attention/"
K = "src/kernels/simd/"
# file, text that occurs once, what it becomes
MUTANTS = [
    (A + "attn_mask.c", "row = r->pos % c->block;", "row = 0;"),
    (A + "attn_mask.c", "if (first >= 0) add_run(r, first, hi - first);", ""),
    (A + "attn_mask.c", "masked_runs(r, 0, sink);", ""),
    (A + "attn_mask.c", "(i % c->mask_blocks)", "(i % 1)"),
    (A + "attn_norm_sparsemax.c", "if (next <= tau) break;", "break;"),
    (A + "attn_norm_sparsemax.c", "r->da[j] - mean : 0.0f", "r->da[j] : 0.0f"),
    (A + "attn_norm_sparsemax.c", "r->lse = (float)((double)m + tau);",
     "r->lse = (float)tau;"),
    (A + "attn_norm_hard.c", "if (!(x > best)) continue;", "if (!(x >= best)) continue;"),
    (A + "attn_norm_hard.c", "run.s0 + (j - run.j0);", "run.s0 + j;"),
    (A + "attn_norm_hard.c", "if (r->picked < 0) a = 0.0f;", ""),
    (A + "attn_norm_hard.c", "? 1.0f : 0.0f) - r->soft[j]);", "? 1.0f : 0.0f));"),
    (A + "attn_norm_softmax.c", "sum += at_sink;", ""),
    (A + "attn_norm_softmax.c", "r->slot[r->at.sink] -= ", "r->slot[r->at.sink] += "),
    (A + "attn_norm_softmax.c", "if (sink > m) m = sink;", ""),
    (A + "attn_positions.c", "if (r > 0) first = buckets;", "if (r >= 0) first = buckets;"),
    (A + "attn_positions.c", "return first + buckets - 1;", "return first + buckets - 2;"),
    (A + "attn_positions.c", "exp2(-8.0 * (double)(h + 1)", "exp2(-8.0 * (double)h"),
    (A + "attn_positions.c", "(double)(pos + d->rope_offset)", "(double)(pos)"),
    (A + "attn_score_add.c", "most <= 12.0f", "most <= 1200.0f"),
    (A + "attn_score_add.c", "+= (double)r->dq[i];", "+= (double)r->bw[i];"),
    (A + "attn_score_dot.c", "- along * r->q[i]) * r->q_inv", ") * r->q_inv"),
    (A + "attn_score_dot.c", "r->q_inv = norm > 0 ? (float)(1.0 / norm) : 0.0f;",
     "r->q_inv = (float)(1.0 / norm);"),
    (A + "attn_shaw.c", "(thirds){a, z, rel + a + clip}", "(thirds){a, z, rel + a}"),
    (A + "attn_shaw.c", "r->bucket[last] += sum_of(y + t.z, run.n - t.z);", ""),
    (A + "attn_terms.c", "return p->t5_bucket[rel < 0 ? 0 : 2 * p->t5_reach];",
     "return p->t5_bucket[0];"),
    (A + "attn_terms.c", "slope * fabsf((float)(r->pos - run.s0 - j))",
     "slope * (float)(r->pos - run.s0 - j)"),
    (A + "attn_generic_bwd.c", "int64_t t0 = n_q * part / parts,",
     "int64_t t0 = n_q * part / parts + (part > 0),"),
    (A + "attn_generic_bwd.c", "x[i] = (x[i] - along * k[i]) * inv;", "x[i] = x[i] * inv;"),
    (A + "attn_decode.c", "c->page_rows - s % c->page_rows", "c->page_rows"),
    (A + "attn_decode.c", "s >= span[0] && (s < span[1]", "(s < span[1]"),
    (A + "attn_decode.c", "*sum *= shrink;", ""),
    (K + "attn_edges.inc", "v_fma(y, v_set1(p->bias_scale), s)", "v_add(y, s)"),
    (K + "attn_edges.inc", "if (shrink[i] != 1.0f)", "if (shrink[i] > 1.0f)"),
    (K + "attn_dense_bwd.inc",
     "if (p->softcap > 0) ds = v_mul(ds, v_load(s->cap + at));", ""),
    (K + "attn_dense_bwd.inc", "s->delta[i] = v_hsum(sum) * f;",
     "s->delta[i] = v_hsum(sum);"),
    (K + "attn_dense_fwd.inc", "const vf scale = v_set1(p->drop.scale);",
     "const vf scale = v_set1(1.0f);"),
    (K + "attn_dense_seen.inc", "(s >= x->lo || s < x->sinks)", "(s >= x->lo)"),
]


def run(command, cwd, limit):
    try:
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                              timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return None


def prepare(build):
    tree = os.path.join(build, "src")
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, names):
        to = os.path.join(tree, name)
        source = os.path.join(ROOT, name)
        if not os.path.isfile(source):
            continue
        os.makedirs(os.path.dirname(to), exist_ok=True)
        if not os.path.exists(to) or open(to, "rb").read() != open(source, "rb").read():
            shutil.copy(source, to)
    run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
         "-DATTEND_SHARED=OFF"], ROOT, 600)
    return tree


def make(build):
    known = run(["ninja", "-t", "targets", "all"], build, 60).stdout
    there = [t for t in TESTS if f"/{t}:" in known]
    done = run(["ninja", "-j2"] + there, build, 3000)
    return there, done


def killer(build, tree, tests):
    """The first test that fails, or None."""
    for name in tests:
        for label in ("unit", "grad", "kernels"):
            path = os.path.join(build, "tests", label, name)
            if not os.path.exists(path):
                continue
            got = run([path], tree, 300)
            if got is None or got.returncode != 0:
                return name
    return None


def try_one(build, tree, mutant):
    file, old, new = mutant
    path = os.path.join(tree, file)
    text = open(path, encoding="utf-8").read()
    if text.count(old) != 1:
        return f"stale: its text is there {text.count(old)} times"
    open(path, "w", encoding="utf-8").write(text.replace(old, new))
    try:
        tests, done = make(build)
        if done is None or done.returncode != 0:
            return "stale: does not compile"
        return killer(build, tree, tests)
    finally:
        open(path, "w", encoding="utf-8").write(text)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--build", default=os.path.join(ROOT, "build", "mutate"))
    options.add_argument("--only", default="", help="mutants whose file or text has this")
    options.add_argument("--list", action="store_true")
    args = options.parse_args()
    chosen = [m for m in MUTANTS if args.only in m[0] + m[1]]
    if args.list:
        for file, old, new in chosen:
            print(f"{file}: {old} -> {new or 'nothing'}")
        return 0
    tree = prepare(args.build)
    tests, done = make(args.build)
    broken = "the build" if done is None or done.returncode != 0 else killer(
        args.build, tree, tests)
    if broken:
        print(f"without a mutant {broken} fails already")
        return 1
    bad = 0
    for file, old, new in chosen:
        start = time.time()
        by = try_one(args.build, tree, (file, old, new))
        survived = by is None or by.startswith("stale")
        bad += survived
        print(f"{'SURVIVED' if by is None else by:20} {file}: {old} -> {new or 'nothing'} "
              f"({time.time() - start:.0f} s)", flush=True)
    print(f"{len(chosen)} mutants, {bad} not noticed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
