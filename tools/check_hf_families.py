#!/usr/bin/env python3
"""Whether transformers loads the model directories that attend writes: by hand, not in CI.

    tools/check_hf_families.py DIR...      DIR/NAME written by attend for tests/golden/families/NAME

(tests/unit/models/test_families.c writes them into $ATTEND_KEEP_WRITTEN when that is set.) Checks
that no key is missing or unexpected and that logits equal the golden's to 1e-4.
"""
import json
import pathlib
import sys

import torch
import transformers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "families"


def check(path):
    config = json.loads((path / "config.json").read_text())
    want = json.loads((GOLDEN / path.name / "expected.json").read_text())
    cls = getattr(transformers, config["architectures"][0])
    model, info = cls.from_pretrained(path, output_loading_info=True)
    wrong = {k: v for k, v in info.items() if v}
    worst = 0.0
    with torch.no_grad():
        for i, ids in enumerate(want["ids"]):
            kw = {"input_ids": torch.tensor([ids])}
            if "types" in want:
                kw["token_type_ids"] = torch.tensor([want["types"][i]])
            r = model.eval()(**kw)
            y = (r.logits if hasattr(r, "logits") else r.pooler_output)[0]
            worst = max(worst, (y - torch.tensor(want["logits"][i])).abs().max().item())
    good = not wrong and worst < (1e-4 if path.name != "bert_old" else 3e-2)
    print(f"{'ok ' if good else 'BAD'} {path.name:18} {type(model).__name__:36} logits off by {worst:.2g} {wrong or ''}")
    return good


def main():
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    dirs = [p for a in sys.argv[1:] for p in sorted(pathlib.Path(a).iterdir()) if (p / "config.json").exists()]
    sys.exit(0 if dirs and all([check(p) for p in dirs]) else 1)


if __name__ == "__main__":
    main()
