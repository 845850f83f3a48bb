#!/usr/bin/env python3
"""Tiny Marian model directories and what transformers makes of them.

tests/golden/marian_dir           shared vocabulary, f32, with SentencePiece files
tests/golden/marian_dir_separate  separate tables, f16, gelu, in two shards

Each holds a model written by save_pretrained with random weights (scaled up, so that
outputs differ from step to step) and expected.json: sources as ids; greedy ids; beam-4 hypotheses with
scores for each early_stopping; log-probabilities by token of a given target; constraints.

Run from the repository root; needs torch, transformers, sentencepiece. Versions and seed
are recorded in expected.json.
"""
import json
import pathlib
import random
import shutil
import sys

import sentencepiece as spm
import torch
import transformers
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

SEED = 20261121
ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
TEXT = ["a man sees a dog", "a dog sees a cat", "the cat sees the man", "the dog runs to the man",
        "a cat runs to a dog", "the man has the cat", "a man has a red dog", "the red cat runs"]


def tokenizer(out):
    lines = out / "lines.txt"
    lines.write_text("\n".join(TEXT) + "\n")
    spm.SentencePieceTrainer.train(input=str(lines), model_prefix=str(out / "joint"), vocab_size=36, model_type="bpe",
                                   normalization_rule_name="identity", bos_id=-1, eos_id=1, unk_id=0, minloglevel=2)
    lines.unlink()
    shutil.copy(out / "joint.model", out / "source.spm")
    shutil.copy(out / "joint.model", out / "target.spm")
    pieces = spm.SentencePieceProcessor(model_file=str(out / "joint.model"))
    vocab = {"</s>": 0, "<unk>": 1}
    for i in range(pieces.get_piece_size()):
        vocab.setdefault(pieces.id_to_piece(i), len(vocab))
    vocab["<pad>"] = len(vocab)
    (out / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (out / "joint.model").unlink()
    (out / "joint.vocab").unlink()
    tok = MarianTokenizer(source_spm=str(out / "source.spm"), target_spm=str(out / "target.spm"),
                          vocab=str(out / "vocab.json"), model_max_length=64)
    tok.save_pretrained(out)
    return tok, len(vocab)


def model(vocab, eos_bias, **kw):
    pad = vocab - 1
    config = dict(vocab_size=vocab, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
                  decoder_attention_heads=4, encoder_ffn_dim=32, decoder_ffn_dim=24, max_position_embeddings=64,
                  activation_function="swish", scale_embedding=True, pad_token_id=pad, eos_token_id=0,
                  decoder_start_token_id=pad, forced_eos_token_id=0)
    config.update(kw)
    m = MarianMTModel(MarianConfig(**config)).eval()
    with torch.no_grad():
        for name, p in m.named_parameters():
            if p.dim() == 2 and "embed_positions" not in name:
                p.mul_(8.0)
            elif name.endswith("bias"):
                p.copy_(torch.randn_like(p) * 0.2)
        m.final_logits_bias.copy_(torch.randn_like(m.final_logits_bias) * 0.5)
        m.final_logits_bias[0, 0] = eos_bias
    return m


def generate(m, src, **kw):
    x = torch.tensor([src])
    with torch.no_grad():
        r = m.generate(input_ids=x, attention_mask=torch.ones_like(x), do_sample=False, return_dict_in_generate=True,
                       output_scores=True, **kw)
    n = kw.get("num_return_sequences", 1)
    out = []
    for j in range(n):
        ids = r.sequences[j].tolist()[1:]
        ids = ids[:ids.index(0)] if 0 in ids else [i for i in ids if i != m.config.pad_token_id]
        out.append({"ids": ids, "score": r.sequences_scores[j].item() if n > 1 else None})
    return out if n > 1 else out[0]["ids"]


def logprobs(m, src, tgt):
    m.set_attn_implementation("eager")
    start = m.config.decoder_start_token_id
    with torch.no_grad():
        o = m(input_ids=torch.tensor([src]), decoder_input_ids=torch.tensor([[start] + tgt]), output_attentions=True)
    lp = torch.log_softmax(o.logits[0], -1)
    cross = torch.stack(o.cross_attentions)[:, 0]  # [L,H,T,S]
    return {"target": tgt, "logprobs": [lp[t, i].item() for t, i in enumerate(tgt + [0])],
            "cross_mean": cross.mean((0, 1)).tolist(), "cross_1_2": cross[1, 2].tolist()}


def expected(m, sources, out, extra=()):
    beam = dict(num_beams=4, num_return_sequences=4, max_length=17)
    cases = []
    for src in sources:
        greedy = generate(m, src, max_length=17)
        cases.append({
            "source": src,
            "greedy": greedy,
            "beam": generate(m, src, early_stopping=False, **beam),
            "beam_early": generate(m, src, early_stopping=True, **beam),
            "beam_never": generate(m, src, early_stopping="never", **beam),
            "beam_alpha06": generate(m, src, early_stopping=False, length_penalty=0.6, **beam),
            "no_repeat_2": generate(m, src, max_length=17, no_repeat_ngram_size=2),
            "penalty_13": generate(m, src, max_length=17, repetition_penalty=1.3),
            "beam_penalty_13": generate(m, src, early_stopping=False, repetition_penalty=1.3, **beam),
            "min_8": generate(m, src, max_length=17, min_length=9),
            "forced": logprobs(m, src, [random.randrange(2, 30) for _ in range(random.randrange(1, 9))]),
        })
    doc = {"made_by": "tools/make_golden_marian.py", "torch": torch.__version__, "transformers": transformers.__version__,
           "seed": SEED, "max_tokens": 16, "cases": cases}
    doc.update(extra)
    (out / "expected.json").write_text(json.dumps(doc, separators=(",", ":")))


def fresh(name):
    out = ROOT / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return out


def main():
    transformers.logging.set_verbosity_error()
    torch.manual_seed(SEED)
    random.seed(SEED)
    out = fresh("marian_dir")
    tok, vocab = tokenizer(out)
    m = model(vocab, 2.8)
    m.save_pretrained(out)
    sources = [[random.randrange(2, vocab - 1) for _ in range(random.randrange(1, 10))] + [0] for _ in range(8)]
    texts = [{"text": t, "ids": tok(t)["input_ids"]} for t in TEXT[:4]]
    expected(m, sources, out, {"texts": texts})

    out = fresh("marian_dir_separate")
    m = model(40, 1.4, share_encoder_decoder_embeddings=False, decoder_vocab_size=44, activation_function="gelu",
              scale_embedding=False)
    m.half().save_pretrained(out, max_shard_size="20KB")
    m = MarianMTModel.from_pretrained(out, dtype=torch.float32).eval()
    sources = [[random.randrange(2, 39) for _ in range(random.randrange(1, 10))] + [0] for _ in range(8)]
    expected(m, sources, out)
    return 0


sys.exit(main())
