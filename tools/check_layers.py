#!/usr/bin/env python3
"""Checks the layer law from #include lines.

  base < tensor < kernels < attention < autograd < nn < models < decode
       < {train, insight} < server
  io, tokenize, metrics, view use base and tensor only, data also tokenize;
  from models upward all of them may be used; nothing includes upward.
  cli/ and examples/ see only include/. bench/ and tests/ may look everywhere.
  Third-party headers appear in one place each.

Also: file names are unique across the tree, files stay under 600 lines, and every
include of this project's own headers names a file that exists.
Exit status 1 and one line per violation.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

CHAIN = ["base", "tensor", "kernels", "attention", "autograd", "nn", "models", "decode"]
SIDE = {"io", "tokenize", "metrics", "view"}
ALLOWED = {}
for i, room in enumerate(CHAIN):
    ALLOWED[room] = set(CHAIN[: i + 1])
for room in SIDE:
    ALLOWED[room] = {"base", "tensor", room}
ALLOWED["data"] = {"base", "tensor", "tokenize", "data"}
UPPER = set(CHAIN) | SIDE | {"data"}
ALLOWED["models"] |= SIDE | {"data"}
ALLOWED["decode"] |= SIDE | {"data"}
ALLOWED["train"] = UPPER | {"train"}
ALLOWED["insight"] = UPPER | {"insight"}
ALLOWED["server"] = UPPER | {"train", "insight", "server"}

# Which file may include which foreign header.
FOREIGN = [
    (r"(oneapi/dnnl/)?dnnl.*\.h", r"src/kernels/lib/onednn[a-z0-9_]*\.[ch]"),
    (r"(cblas|openblas.*)\.h", r"src/kernels/lib/blas[a-z0-9_]*\.[ch]"),
    (r"jansson\.h", r"src/base/json\.c|tests/fault/test_base_fault\.c"),
    (r"sentencepiece_.*\.h", r"src/tokenize/[a-z0-9_]*\.cc"),
    (r"utf8proc\.h", r"src/(tokenize|metrics|data)/[a-z0-9_/]*\.c"),
    (r"omp\.h", r"src/base/team_openmp\.c|src/kernels/lib/onednn[a-z0-9_]*\.c"),
    (r"cairo.*\.h|png\.h|zlib\.h", r"src/(view|data/image)/[a-z0-9_]*\.[ch]"),
    (r"jpeglib\.h", r"src/data/image/[a-z0-9_]*\.c"),
    (r"sndfile\.h|kiss_fft.*\.h", r"src/data/audio/[a-z0-9_]*\.c"),
    (r"microhttpd\.h", r"src/server/[a-z0-9_]*\.c"),
    (r"mpi\.h", r"src/train/dist_mpi\.c"),
    (r"pthread\.h", r"src/base/[a-z0-9_]*\.c|tests/.*|src/train/dist_mpi\.c"),
    (r"cmocka\.h", r"tests/.*"),
]

MAX_LINES = 600
LINES_EXEMPT = re.compile(r"src/kernels/simd/|.*_table[a-z0-9_]*\.[ch]$|.*_data\.[ch]$")
# Tests repeat names by design (test_<file>.c beside <file>.c differ already).
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def sources():
    for top in ("include", "src", "cli", "examples", "bench", "tests", "tools"):
        for folder, dirs, files in os.walk(os.path.join(ROOT, top)):
            dirs[:] = sorted(d for d in dirs if d not in ("corpora", "golden"))
            for name in sorted(files):
                if name.endswith((".c", ".h", ".cc", ".cpp", ".inc", ".cu")):
                    path = os.path.join(folder, name)
                    yield os.path.relpath(path, ROOT)


def check_own(path, target, problems, where):
    """An include of one of this project's headers: `room/name.h` or attend/name.h."""
    top = path.split("/")[0]
    if target.startswith("attend/"):
        header = os.path.join(ROOT, "include", target)
        if not os.path.exists(header) and not os.path.exists(header + ".in"):
            problems.append(f"{where}: {target} does not exist")
        return
    exists = os.path.exists(os.path.join(ROOT, "src", target))
    room = target.split("/")[0]
    if not exists or "/" not in target:
        return
    if top in ("cli", "examples"):
        problems.append(f"{where}: {top}/ sees only include/attend, not {target}")
    elif top == "include":
        problems.append(f"{where}: a public header must not include {target}")
    elif top == "src":
        mine = path.split("/")[1]
        allowed = ALLOWED.get(mine)
        if allowed is None:
            problems.append(f"{path}: no room called src/{mine} in the layer law")
        elif room not in allowed:
            problems.append(f"{where}: {mine} must not include {target} ({room} is above)")


def check_file(path, problems):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        lines = f.readlines()
    if len(lines) > MAX_LINES and not LINES_EXEMPT.match(path):
        problems.append(f"{path}: {len(lines)} lines, the limit is {MAX_LINES}")
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quote, target = match.groups()
        where = f"{path}:{number}"
        for pattern, places in FOREIGN:
            if re.fullmatch(pattern, target) and not re.fullmatch(places, path):
                problems.append(f"{where}: <{target}> belongs into {places}")
        if quote == '"' or target.startswith("attend/"):
            if ".." in target and not path.startswith("tests/"):
                problems.append(f"{where}: no .. in includes ({target})")
            check_own(path, target, problems, where)


def main():
    problems = []
    names = {}
    count = 0
    for path in sources():
        count += 1
        check_file(path, problems)
        top, name = path.split("/")[0], os.path.basename(path)
        # A public header and its internal namesake are told apart by their folder
        # in every include line; everything else needs a name of its own.
        if top in ("src", "cli") and not name.endswith((".h", ".inc")):
            if name in names:
                problems.append(f"{path}: the name is taken by {names[name]}")
            names.setdefault(name, path)
    for problem in problems:
        print(problem)
    print(f"layers: {count} files, {len(problems)} violations", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
