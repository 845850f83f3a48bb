#!/usr/bin/env python3
"""Writes tests/golden/attention.json: outputs and gradients of attention members as PyTorch
computes them in double, from inputs that a formula gives.

    python3 tools/make_golden_attention.py > tests/golden/attention.json

Operand i of a case is x[j] = sin(0.7 j + 1.3 i + 0.1), in row-major order; the loss is
sum(out * dout) with dout operand 9. No random numbers, so no seed."""
import json
import math
import sys

import torch
import torch.nn.functional as F
import transformers
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb
from transformers.models.t5.modeling_t5 import T5Attention

torch.set_default_dtype(torch.float64)
B, H, T, S, D, E = 2, 2, 3, 4, 4, 3


def operand(i, *shape):
    n = math.prod(shape)
    return torch.tensor([math.sin(0.7 * j + 1.3 * i + 0.1) for j in range(n)]).reshape(shape).requires_grad_()


def numbers(t):
    return [float(f"{x:.15g}") for x in t.detach().flatten().tolist()]


def case(name, f, **operands):
    """f(q, k, v, **operands) -> out; every operand gets a gradient."""
    out = f(**operands)
    dout = operand(9, *out.shape).detach()
    (out * dout).sum().backward()
    return {"name": name, "out": numbers(out), "grads": {n: numbers(x.grad) for n, x in operands.items()}}


def qkv(h=H, g=H, t=T, s=S, d=D, dk=D, e=E):
    return {"q": operand(0, B, h, t, d), "k": operand(1, B, g, s, dk), "v": operand(2, B, g, s, e)}


def soft(x, v):
    return torch.softmax(x, -1) @ v


def end_aligned(t, s):
    return torch.arange(s)[None, :] - (torch.arange(t)[:, None] + s - t)


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def causal_end(q, k, v):
    x = q @ k.mT / math.sqrt(D)
    return soft(x.masked_fill(end_aligned(T, S) > 0, -math.inf), v)


def rope_half(q, k, v):
    pos = torch.arange(T)
    angle = pos[:, None] * (10000.0 ** (-torch.arange(0, D, 2) / D))[None, :]
    emb = torch.cat((angle, angle), -1)[None]
    q, k = apply_rotary_pos_emb(q, k, emb.cos(), emb.sin())
    return F.scaled_dot_product_attention(q, k, v)


def shaw(q, k, v, rel_k, rel_v):
    index = end_aligned(T, S).clamp(-2, 2) + 2
    x = (q @ k.mT + torch.einsum("bhtd,tsd->bhts", q, rel_k[index])) / math.sqrt(D)
    a = torch.softmax(x, -1)
    return a @ v + torch.einsum("bhts,tse->bhte", a, rel_v[index])


def sink(q, k, v, sink_logit):
    x = q @ k.mT / math.sqrt(D)
    x = torch.cat((x, sink_logit[None, :, None, None].expand(B, H, T, 1)), -1)
    return torch.softmax(x, -1)[..., :S] @ v


def main():
    cases = [
        case("scaled dot", lambda q, k, v: F.scaled_dot_product_attention(q, k, v), **qkv()),
        case("causal", causal, **qkv(s=T)),
        case("causal, T below S", causal_end, **qkv()),
        case("grouped", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), **qkv(h=4, g=2)),
        case("bias", lambda q, k, v, bias: F.scaled_dot_product_attention(q, k, v, attn_mask=bias), **qkv(), bias=operand(3, 1, H, T, S)),
        case("bilinear", lambda q, k, v, score_w: soft(q @ score_w @ k.mT, v), **qkv(dk=3), score_w=operand(3, D, 3)),
        case("additive", lambda q, k, v, score_w, score_b: soft(torch.tanh(q[:, :, :, None] + k[:, :, None] + score_b) @ score_w, v),
             **qkv(), score_w=operand(3, D), score_b=operand(4, D)),
        case("gat", lambda q, k, v, score_w: soft(F.leaky_relu(q[:, :, :, None] + k[:, :, None], 0.25) @ score_w, v), **qkv(), score_w=operand(3, D)),
        case("cosine", lambda q, k, v: soft(5 * F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT, v), **qkv()),
        case("softcap", lambda q, k, v: soft(0.5 * torch.tanh(q @ k.mT / math.sqrt(D) / 0.5), v), **qkv()),
        case("rope half", rope_half, **qkv(s=T)),
        case("shaw", shaw, **qkv(), rel_k=operand(3, 5, D), rel_v=operand(4, 5, E)),
        case("sink", sink, **qkv(), sink_logit=operand(3, H)),
        case("relu", lambda q, k, v: torch.relu(q @ k.mT / math.sqrt(D)) @ v, **qkv()),
    ]
    buckets = {}
    for both in (True, False):
        r = torch.arange(-300, 301)
        buckets["both" if both else "one"] = T5Attention._relative_position_bucket(r, both, 32, 128).tolist()
    json.dump({"made_by": "tools/make_golden_attention.py", "torch": torch.__version__, "transformers": transformers.__version__,
               "t5_buckets_-300_300_of_32_within_128": buckets, "cases": cases}, sys.stdout, separators=(",", ":"))
    print()


main()
