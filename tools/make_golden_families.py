#!/usr/bin/env python3
"""Tiny Hugging Face models of every family and what transformers makes of them.

    tools/make_golden_families.py tests/golden/families

One directory a model, as save_pretrained writes it (random weights, scaled up so that
outputs differ from row to row), and expected.json in it:

    versions, seed
    ids          sequences of different lengths
    types        token types, BERT only
    logits       a list a sequence: [rows][labels or vocabulary], or [labels]
    loss         the training loss of these ids in double precision, dropout off
    generate     decoders: greedy continuations of prompts
"""
import json
import pathlib
import shutil
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (BertConfig, BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification,
                          BertModel, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast,
                          RobertaConfig, RobertaForSequenceClassification, XLMRobertaConfig, XLMRobertaForMaskedLM,
                          XLMRobertaForSequenceClassification, XLMRobertaForTokenClassification)

SEED = 20261122
VOCAB = 96
LABELS = {0: "O", 1: "B-PER", 2: "I-PER"}


def grow(model, eos=None):
    """Weights large enough that a wrong sign or order shows."""
    g = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                p.copy_(torch.randn(p.shape, generator=g) * (0.6 if "embed" in name or "wte" in name else 0.35))
            elif name.endswith("bias") or "bias" in name:
                p.copy_(torch.randn(p.shape, generator=g) * 0.2)
            else:
                p.copy_(1.0 + torch.randn(p.shape, generator=g) * 0.1)
    return model.eval()


def sequences(n, low, high, longest):
    g = torch.Generator().manual_seed(SEED + n)
    lengths = [1, longest, 3, 7, 2][:n]
    return [torch.randint(low, high, (k,), generator=g).tolist() for k in lengths]


def rounded(x):
    return [float(f"{v:.7g}") for v in x] if not isinstance(x[0], list) else [rounded(v) for v in x]


def record(out, model, ids, types=None, lm=False, row_labels=None, seq_labels=None, generate=None):
    double = type(model)(model.config).double().eval()
    double.load_state_dict(model.state_dict())
    logits, loss, rows = [], 0.0, 0
    with torch.no_grad():
        for i, s in enumerate(ids):
            kw = {"input_ids": torch.tensor([s])}
            if types:
                kw["token_type_ids"] = torch.tensor([types[i]])
            r = double(**kw)
            y = r.logits if hasattr(r, "logits") else r.pooler_output
            logits.append(rounded(y[0].tolist()))
            if lm and len(s) > 1:
                loss += torch.nn.functional.cross_entropy(y[0, :-1], torch.tensor(s[1:]), reduction="sum").item()
                rows += len(s) - 1
            if row_labels:
                t = torch.tensor(row_labels[i])
                loss += torch.nn.functional.cross_entropy(y[0], t, reduction="sum", ignore_index=-100).item()
            if seq_labels and model.config.problem_type == "regression":
                loss += ((y[0] - torch.tensor(seq_labels[i])) ** 2).mean().item()
            elif seq_labels:
                loss += torch.nn.functional.cross_entropy(y, torch.tensor([seq_labels[i]]), reduction="sum").item()
    j = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "seed": SEED,
         "ids": ids, "logits": logits, "loss": loss}
    if types:
        j["types"] = types
    if row_labels:
        j["row_labels"] = row_labels
    if seq_labels:
        j["seq_labels"] = seq_labels
    if generate:
        j["generate"] = [{"prompt": p, "new": model.generate(
            input_ids=torch.tensor([p]), attention_mask=torch.ones(1, len(p), dtype=torch.long), do_sample=False,
            max_new_tokens=n, **kw)[0, len(p):].tolist(), "max_new": n, **kw} for p, n, kw in generate]
    if out.exists():
        shutil.rmtree(out)
    model.save_pretrained(out)
    (out / "expected.json").write_text(json.dumps(j) + "\n")


def decoders(root):
    ids = sequences(5, 3, VOCAB, 20)
    prompts = [(ids[1][:5], 12, {}), (ids[3], 20, {}), (ids[0], 15, {"repetition_penalty": 1.3}),
               (ids[4], 20, {"no_repeat_ngram_size": 2})]
    base = dict(vocab_size=VOCAB, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, pad_token_id=0)
    llama3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
              "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
    for name, kw in {
            "llama": {},
            "llama_scaled": dict(rope_parameters=llama3, head_dim=8, num_attention_heads=4, attention_bias=True,
                                 mlp_bias=True, tie_word_embeddings=True, eos_token_id=[2, 5], hidden_act="gelu"),
            "llama_linear": dict(rope_parameters={"rope_type": "linear", "rope_theta": 500.0, "factor": 2.0},
                                 num_key_value_heads=4, num_attention_heads=4)}.items():
        model = grow(LlamaForCausalLM(LlamaConfig(**{**base, **kw})))
        record(root / name, model, ids, lm=True, generate=prompts)
    gpt2 = dict(vocab_size=VOCAB, n_embd=16, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
    for name, kw in {"gpt2": {}, "gpt2_other": dict(n_inner=24, scale_attn_by_inverse_layer_idx=True, n_embd=24,
                                                    activation_function="relu", tie_word_embeddings=False,
                                                    n_head=2)}.items():
        model = grow(GPT2LMHeadModel(GPT2Config(**{**gpt2, **kw})))
        record(root / name, model, ids, lm=True, generate=prompts)


def encoders(root):
    ids = sequences(5, 4, VOCAB, 18)
    labels = [[(7 * a + i) % 4 - 1 for i, a in enumerate(s)] for s in ids]
    labels = [[-100 if x < 0 else x for x in s] for s in labels]
    types = [[0] * (len(s) // 2) + [1] * (len(s) - len(s) // 2) for s in ids]
    base = dict(vocab_size=VOCAB, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
                max_position_embeddings=32, id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
    plain = {k: v for k, v in base.items() if k not in ("id2label", "label2id")}
    one = dict(id2label={0: "value"}, label2id={"value": 0}, problem_type="regression")
    xlmr = dict(type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    seq = [1, 0, 2, 2, 1]
    numbers = [[0.5], [-1.0], [2.0], [0.25], [1.5]]
    for name, cls, cfg, kw in [
            ("bert_token", BertForTokenClassification, BertConfig(**base), dict(types=types, row_labels=labels)),
            ("bert_sequence", BertForSequenceClassification, BertConfig(**base), dict(types=types, seq_labels=seq)),
            ("bert_regression", BertForSequenceClassification, BertConfig(**{**base, **one}),
             dict(types=types, seq_labels=numbers)),
            ("bert_mlm", BertForMaskedLM, BertConfig(**plain), dict(types=types, row_labels=ids)),
            ("bert_base", BertModel, BertConfig(**plain), dict(types=types)),
            ("xlmr_token", XLMRobertaForTokenClassification, XLMRobertaConfig(**base, **xlmr), dict(row_labels=labels)),
            ("xlmr_sequence", XLMRobertaForSequenceClassification, XLMRobertaConfig(**base, **xlmr),
             dict(seq_labels=seq)),
            ("xlmr_mlm", XLMRobertaForMaskedLM, XLMRobertaConfig(**plain, **xlmr), dict(row_labels=ids)),
            ("roberta_sequence", RobertaForSequenceClassification, RobertaConfig(**{**base, "type_vocab_size": 2}),
             dict(seq_labels=seq))]:
        torch.manual_seed(SEED)
        record(root / name, grow(cls(cfg)), ids, **kw)


TEXTS = ["the cat sat on the mat", "Grüße aus Köln", "我爱你", "a \U0001f600 b", "  two  spaces ", "it's naïve, isn't it?"]


def with_text(root):
    """Models with tokenizers: the tokenizer.json of tests/golden/tokenizers, texts and what comes out."""
    tokenizers = root.parent / "tokenizers"

    def load(name, **special):
        return PreTrainedTokenizerFast(tokenizer_file=str(tokenizers / f"{name}.json"), **special)

    def encoder(name, tok, cls, cfg):
        model = grow(cls(cfg))
        j = {"texts": TEXTS, "ids": [tok(t)["input_ids"] for t in TEXTS], "probs": []}
        with torch.no_grad():
            for t in TEXTS:
                words = t.split()
                x = tok([words], is_split_into_words=True, return_tensors="pt") if "Token" in cls.__name__ \
                    else tok([t], return_tensors="pt")
                y = model(**{k: v for k, v in x.items() if k != "token_type_ids"}).logits.double()
                if "Token" in cls.__name__:
                    ids = x.word_ids(0)
                    first = [ids.index(i) for i in range(len(words))]
                    j["probs"].append(torch.softmax(y[0][first], -1).tolist())
                else:
                    j["probs"].append(torch.softmax(y[0], -1).tolist())
        write(name, tok, model, j)

    def write(name, tok, model, j):
        out = root / name
        if out.exists():
            shutil.rmtree(out)
        model.save_pretrained(out)
        tok.save_pretrained(out)
        (out / "expected.json").write_text(json.dumps(j) + "\n")

    base = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24,
                max_position_embeddings=64, id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
    tok = load("bert", unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    encoder("text_bert_tag", tok, BertForTokenClassification, BertConfig(vocab_size=len(tok), **base))
    encoder("text_bert_sequence", tok, BertForSequenceClassification, BertConfig(vocab_size=len(tok), **base))
    tok = load("xlmr", unk_token="<unk>", pad_token="<pad>", cls_token="<s>", sep_token="</s>", bos_token="<s>",
               eos_token="</s>", mask_token="<mask>")
    xlmr = dict(vocab_size=len(tok), type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)
    encoder("text_xlmr_tag", tok, XLMRobertaForTokenClassification, XLMRobertaConfig(**base, **xlmr))
    encoder("text_xlmr_sequence", tok, XLMRobertaForSequenceClassification, XLMRobertaConfig(**base, **xlmr))
    for name, source, cls, cfg in [
            ("text_gpt2", "gpt2", GPT2LMHeadModel, lambda n: GPT2Config(vocab_size=n, n_embd=16, n_layer=1, n_head=2,
                                                                         n_positions=64, bos_token_id=0, eos_token_id=0)),
            ("text_llama", "llama2", LlamaForCausalLM,
             lambda n: LlamaConfig(vocab_size=n, hidden_size=16, intermediate_size=24, num_hidden_layers=1,
                                   num_attention_heads=2, max_position_embeddings=64))]:
        tok = load(source)
        model = grow(cls(cfg(len(tok))))
        with torch.no_grad():  # halves of characters are never likely: their bytes have no text of their own
            for i in range(len(tok)):
                if "\ufffd" in tok.decode([i]):
                    model.get_output_embeddings().weight[i] = 0.0
        j = {"texts": TEXTS, "ids": [tok(t)["input_ids"] for t in TEXTS], "new": [], "said": []}
        for t in TEXTS:
            x = tok(t, return_tensors="pt")["input_ids"]
            y = model.generate(input_ids=x, attention_mask=torch.ones_like(x), do_sample=False, max_new_tokens=16)
            new = y[0, x.shape[1]:].tolist()
            j["new"].append(new)
            eos = new[-1] == model.config.eos_token_id
            full = tok.decode(y[0, :-1] if eos else y[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
            head = tok.decode(x[0], skip_special_tokens=True, clean_up_tokenization_spaces=False)
            j["said"].append(full[len(head):])
        write(name, tok, model, j)


def old_names(root):
    """The spellings of old checkpoints, and f16."""
    out = root / "bert_old"
    if out.exists():
        shutil.rmtree(out)
    shutil.copytree(root / "bert_token", out)
    w = {}
    for name, t in load_file(out / "model.safetensors").items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        w[name] = t.half() if "intermediate" in name else t
    w["bert.embeddings.position_ids"] = torch.arange(32).unsqueeze(0)
    w["bert.pooler.dense.weight"], w["bert.pooler.dense.bias"] = torch.zeros(24, 24), torch.zeros(24)
    save_file(w, out / "model.safetensors", metadata={"format": "pt"})


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden/families")
    root.mkdir(parents=True, exist_ok=True)
    transformers.logging.set_verbosity_error()
    torch.manual_seed(SEED)
    decoders(root)
    encoders(root)
    old_names(root)
    with_text(root)


if __name__ == "__main__":
    main()
