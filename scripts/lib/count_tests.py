#!/usr/bin/env python3
"""Counts what a ctest run did, case by case.

  count_tests.py LastTest.log

First line "PASSED FAILED SKIPPED". A cmocka program counts each of its cases, any other
test counts as one; a program that failed without naming a case (a crash) counts as
one failure. Then, for each failed or skipped test, what it said.
"""
import re
import sys

BLOCK = re.compile(
    r"^\d+/\d+ Test: (?P<name>\S+)\n.*?\nOutput:\n-+\n(?P<out>.*?)"
    r"<end of output>\n.*?\n-+\n(?P<verdict>[^\n]*)\n",
    re.S | re.M,
)


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as f:
            text = f.read()
    except OSError as e:
        print("0 1 0")
        print(e)
        return
    passed = failed = skipped = 0
    notes = []
    for block in BLOCK.finditer(text):
        name, out, verdict = block.group("name", "out", "verdict")
        # cmocka lists the failures again after "[==========] N test(s) run."
        cases = out.split("test(s) run.")[0]
        ok = len(re.findall(r"^\[       OK \]", cases, re.M))
        bad = len(re.findall(r"^\[  FAILED  \]", cases, re.M))
        skip = len(re.findall(r"^\[  SKIPPED \]", cases, re.M))
        if "Passed" not in verdict and "Skip" not in verdict and bad == 0:
            bad += 1
        elif ok + bad + skip == 0:
            ok, skip = (0, 1) if "Skip" in verdict else (1, 0)
        passed, failed, skipped = passed + ok, failed + bad, skipped + skip
        if bad:
            notes.append(f"{name}: {verdict.strip()}")
            lines = [l for l in out.rstrip().split("\n") if not l.startswith("[       OK")]
            lines = [l for l in lines if not l.startswith("[ RUN")]
            notes += ["  " + l for l in lines[-25:]]
        for line in re.findall(r"^SKIP:? .*", out, re.M):
            notes.append(f"skipped in {name}: {line[5:].strip()}")
    print(passed, failed, skipped)
    if notes:
        print("\n".join(notes))


main()
