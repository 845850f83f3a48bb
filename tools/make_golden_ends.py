#!/usr/bin/env python3
"""make_golden_ends.py - what transformers generates with several end tokens and with bad words
of several tokens, for the model in tests/golden/marian_dir. Writes tests/golden/ends.json.

Run with torch 2.15 and transformers 5.23; nothing is random (the model is a stored one)."""
import json
import pathlib

import torch
import transformers
from transformers import MarianMTModel

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"


def generate(m, src, ends, beams, **kw):
    x = torch.tensor([src])
    with torch.no_grad():
        r = m.generate(input_ids=x, attention_mask=torch.ones_like(x), do_sample=False, max_length=17,
                       num_beams=beams, num_return_sequences=beams, early_stopping=False, eos_token_id=ends, **kw)
    out = []
    for row in r.tolist():
        ids = row[1:]
        at = next((i for i, t in enumerate(ids) if t in ends), len(ids))
        out.append([i for i in ids[:at] if i != m.config.pad_token_id])
    return out


def main():
    transformers.logging.set_verbosity_error()
    m = MarianMTModel.from_pretrained(GOLDEN / "marian_dir", dtype=torch.float32).eval()
    m.generation_config.bad_words_ids = None
    stored = json.loads((GOLDEN / "marian_dir" / "expected.json").read_text())
    pad = m.config.pad_token_id
    cases = []
    for c in stored["cases"]:
        said = [t for t in c["greedy"] if t > 0]
        ends = [0] + sorted(set(said[len(said) // 2:]))[:2]
        pairs = [said[i:i + 2] for i in range(0, len(said) - 1, 2)]
        triples = [said[i:i + 3] for i in range(1, len(said) - 2, 3)]
        words = [[pad]] + pairs + triples
        both = dict(bad_words_ids=words)
        cases.append({
            "source": c["source"], "ends": ends, "words": words,
            "ends_greedy": generate(m, c["source"], ends, 1),
            "ends_beam": generate(m, c["source"], ends, 4),
            "ends_min": generate(m, c["source"], ends, 1, min_length=9),
            "words_greedy": generate(m, c["source"], [0], 1, **both),
            "words_beam": generate(m, c["source"], [0], 4, **both),
            "both_beam": generate(m, c["source"], ends, 4, **both),
        })
    doc = {"made_by": "tools/make_golden_ends.py", "torch": torch.__version__,
           "transformers": transformers.__version__, "max_tokens": 16, "cases": cases}
    defaults = transformers.GenerationConfig()._get_default_generation_params()
    doc["defaults"] = {k: defaults[k] for k in (
        "num_beams", "num_return_sequences", "length_penalty", "early_stopping", "no_repeat_ngram_size",
        "repetition_penalty", "temperature", "top_k", "top_p", "min_length", "do_sample")}
    (GOLDEN / "ends.json").write_text(json.dumps(doc, separators=(",", ":")) + "\n")


main()
