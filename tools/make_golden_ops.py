#!/usr/bin/env python3
"""Values and gradients of every operator, from PyTorch's own functions in double precision.

Writes tests/golden/ops/ops.safetensors: for every case <op>/<variant>/ the operands by the
names of tests/support/ops_table.c, attr (f64, numbered as there), out0 and out1, what
flows back (dout0, dout1), and the gradients d.<operand>; operands are f32 values exactly,
results are rounded to f32 once. Run with the versions recorded in the file's metadata:

    python tools/make_golden_ops.py tests/golden/ops
"""
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20261121
tensors = {}
counts = {}
gen = torch.Generator().manual_seed(SEED)
ACTS = [lambda x: x, F.relu, F.gelu, lambda x: F.gelu(x, approximate="tanh"), F.silu,
        lambda x: x * torch.sigmoid(1.702 * x), torch.tanh, torch.sigmoid]


def rand(rows, cols, size=1.0):
    x = (torch.rand(rows, cols, generator=gen, dtype=torch.float64) * 2 - 1) * size
    return x.float().double().requires_grad_(True)


def f32(x):
    return float(torch.tensor(x, dtype=torch.float32))


def case(op, attr, operands, outs, flows=None):
    """operands: name -> tensor, list of ints or None. Only the outs in flows carry gradient."""
    n = counts[op] = counts.get(op, -1) + 1
    at = f"{op}/{n}/"
    flows = len(outs) if flows is None else flows
    douts = [rand(*o.shape).detach() for o in outs]
    sum((o * d).sum() for o, d in zip(outs[:flows], douts)).backward()
    tensors[at + "attr"] = torch.tensor(attr or [0], dtype=torch.float64)
    for i, (o, d) in enumerate(zip(outs, douts)):
        tensors[f"{at}out{i}"] = o.detach().float()
        tensors[f"{at}dout{i}"] = d.float()
    for name, x in operands.items():
        if isinstance(x, list):
            tensors[at + name] = torch.tensor(x, dtype=torch.int32)[:, None]
        elif x is not None:
            tensors[at + name] = x.detach().float()
            g = torch.zeros_like(x) if x.grad is None else x.grad
            tensors[f"{at}d.{name}"] = g.float()


def offsets(lengths):
    return [sum(lengths[:i]) for i in range(len(lengths) + 1)]


def linear():
    for act, f in enumerate(ACTS):
        x, w, b = rand(5, 7), rand(6, 7), rand(1, 6) if act else None
        bias = None if b is None else b[0]
        case("linear", [act, 0], {"x": x, "w": w, "b": b}, [f(F.linear(x, w, bias))])


def norms():
    for kind, has_b, has_res, has_beta in ((0, 1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 1),
                                           (1, 0, 1, 0)):
        for both in (0, 1):
            eps = f32(1e-5)
            x, gamma = rand(5, 9, 2), rand(1, 9)
            b = rand(1, 9) if has_b else None
            res = rand(5, 9, 2) if has_res else None
            beta = rand(1, 9) if has_beta else None
            h = x if b is None else x + b
            h = h if res is None else h + res
            zero = torch.zeros(9, dtype=torch.float64)
            if kind == 0:
                y = F.layer_norm(h, (9,), gamma[0], zero if beta is None else beta[0], eps)
            else:
                y = F.rms_norm(h, (9,), gamma[0], eps) + (zero if beta is None else beta)
            case("add_norm_both" if both else "add_norm", [kind, eps, 0],
                 {"x": x, "b": b, "res": res, "gamma": gamma, "beta": beta},
                 [y, h] if both else [y])


def embed():
    for scale, has_pos, skip in ((2.5, 0, -1), (1.0, 1, -1), (4.0, 1, 3)):
        ids, off = [2, 0, 3, 5, 2, 3, 1], offsets([3, 0, 4])
        table, pos = rand(6, 5), rand(8, 5) if has_pos else None
        # padding_idx keeps the row in the value and out of the gradient, as skip_id does.
        y = scale * F.embedding(torch.tensor(ids), table, padding_idx=skip if skip >= 0 else None)
        if has_pos:
            places = [r for n in (3, 0, 4) for r in range(n)]
            y = y + F.embedding(torch.tensor(places), pos)
        case("embed", [scale, skip, 0],
             {"ids": ids, "table": table, "pos": pos, "offsets": off if has_pos else None}, [y])


def attention():
    # heads, key heads, D, E, causal, left, right, scale, query lengths, key lengths or None, fused
    for h, g, d, e, causal, left, right, scale, nq, nk, fused in (
            (2, 2, 4, 4, 0, -1, -1, 0, [3, 1, 4], None, 0),
            (2, 2, 4, 4, 1, -1, -1, 0, [3, 0, 5], None, 0),
            (2, 2, 3, 5, 0, -1, -1, 0, [2, 3, 0], [4, 1, 2], 0),
            (4, 2, 4, 4, 1, -1, -1, 0, [3, 4], None, 1),
            (6, 2, 5, 3, 0, -1, -1, 0.5, [3, 2], [2, 5], 0),
            (2, 1, 4, 4, 1, 2, -1, 0, [6, 1, 2], None, 0),
            (1, 1, 8, 8, 0, 1, 2, 1.0, [5, 4], None, 1)):
        nk_all = nk or nq
        q, k, v = rand(sum(nq), h * d), rand(sum(nk_all), g * d), rand(sum(nk_all), g * e)
        oq, ok, parts = offsets(nq), offsets(nk_all), []
        for b in range(len(nq)):
            t, s = nq[b], nk_all[b]
            if t == 0:
                continue
            part = lambda x, o, n, width: x[o:o + n].reshape(n, n_of[width], -1).transpose(0, 1)
            n_of = {"q": h, "kv": g}
            at, key = torch.arange(t)[:, None] + s - t, torch.arange(s)[None, :]
            mask = torch.ones(t, s, dtype=torch.bool)
            mask &= (key <= at) if causal else mask
            mask &= (key >= at - left) if left >= 0 else mask
            mask &= (key <= at + right) if right >= 0 else mask
            o = F.scaled_dot_product_attention(
                part(q, oq[b], t, "q"), part(k, ok[b], s, "kv"), part(v, ok[b], s, "kv"),
                attn_mask=mask, scale=scale or None, enable_gqa=True)
            parts.append(o.transpose(0, 1).reshape(t, h * e))
        case("attention", [h, g, d, e, causal, left, right, scale, 0, int(nk is None), fused],
             {"q": q, "k": k, "v": v, "q_offsets": oq, "k_offsets": ok if nk else None},
             [torch.cat(parts)])


def attention_biased():
    # heads, causal, bias a head, rows of the bias, query lengths, key lengths or None
    for h, causal, per_head, rows, nq, nk in (
            (2, 0, 0, 4, [3, 4], None), (2, 1, 1, 6, [5, 2], None),
            (2, 0, 0, 1, [3, 2], [2, 4]), (3, 1, 1, 4, [2, 3], [5, 1])):
        nk_all, d = nk or nq, 4
        q, k, v = (rand(sum(n), h * d) for n in (nq, nk_all, nk_all))
        bias = rand((h if per_head else 1) * rows, max(nk_all) + 1)
        oq, ok, parts = offsets(nq), offsets(nk_all), []
        for b, (t, s) in enumerate(zip(nq, nk_all)):
            heads = lambda x, o, n: x[o:o + n].reshape(n, h, d).transpose(0, 1)
            table = bias.reshape(-1, rows, bias.shape[1])[:, :t, :s]
            at, key = torch.arange(t)[:, None] + s - t, torch.arange(s)[None, :]
            hidden = torch.zeros(t, s, dtype=torch.float64)
            if causal:
                hidden[key > at] = -1e300  # not -inf: a row of it alone is NaN there
            o = F.scaled_dot_product_attention(heads(q, oq[b], t), heads(k, ok[b], s),
                                               heads(v, ok[b], s), attn_mask=table + hidden)
            seen = (key <= at).any(1) if causal else torch.ones(t, dtype=torch.bool)
            parts.append((o * seen[:, None]).transpose(0, 1).reshape(t, h * d))
        case("attention", [h, h, d, d, causal, -1, -1, 0, 0, int(nk is None), 0, per_head],
             {"q": q, "k": k, "v": v, "q_offsets": oq, "k_offsets": ok if nk else None,
              "bias": bias}, [torch.cat(parts)])


def attention_edges():
    row_ptr, col = [0, 3, 3, 5, 9, 10], [4, 0, 2, 1, 1, 3, 0, 4, 2, 0]  # an edge twice
    of = torch.tensor([n for n in range(5) for _ in range(row_ptr[n], row_ptr[n + 1])])
    to, d = torch.tensor(col), 4
    for h, per_head in ((2, 1), (2, 0), (1, 0)):
        q, k, v = rand(5, h * d), rand(5, h * d), rand(5, h * d)
        bias = rand(len(col), h if per_head else 1)
        e = (q.reshape(5, h, d)[of] * k.reshape(5, h, d)[to]).sum(-1) / d ** 0.5 + bias
        p = e.exp()
        total = torch.zeros(5, h, dtype=torch.float64).index_add(0, of, p)
        alpha = (p / total[of])[..., None] * v.reshape(5, h, d)[to]
        y = torch.zeros(5, h, d, dtype=torch.float64).index_add(0, of, alpha)
        case("attention", [h, h, d, d, 0, -1, -1, 0, 0, 1, 0, 0],
             {"q": q, "k": k, "v": v, "q_offsets": [0, 5], "edge_row_ptr": row_ptr,
              "edge_col": col, "edge_bias": bias}, [y.reshape(5, h * d)])


def xent(logits, targets, smoothing, mask):
    """Loss and training statistics. The masked class is cut out, which is what PyTorch can say."""
    keep = [i for i in range(logits.shape[1]) if i != mask]
    to = torch.tensor([-100 if t < 0 else keep.index(t) for t in targets])
    z = logits[:, keep]
    loss = F.cross_entropy(z, to, reduction="sum", label_smoothing=smoothing)
    nll = F.cross_entropy(z, to, reduction="sum")
    right = ((z.argmax(-1) == to) & (to >= 0)).sum().double()
    count = (to >= 0).sum().double()
    return loss.reshape(1, 1), torch.stack([loss, nll, count, right]).reshape(1, 4).detach()


def losses():
    for smoothing, mask, has_bias in ((0.0, -1, 0), (0.1, -1, 1), (0.1, 4, 1)):
        smoothing = f32(smoothing)
        x, table, bias = rand(6, 5), rand(9, 5), rand(1, 9) if has_bias else None
        targets = [1, 0, 8, -1, 3, 3]
        logits = x @ table.T if bias is None else x @ table.T + bias
        loss, stats = xent(logits, targets, smoothing, mask)
        stats[0, 3] = 0  # not counted in a training run
        case("vocab_loss", [smoothing, mask],
             {"x": x, "table": table, "bias": bias, "targets": targets}, [loss, stats], 1)
    for smoothing in (0.0, 0.2):
        smoothing = f32(smoothing)
        x, targets = rand(6, 7, 3), [1, 0, 6, -1, 3, 3]
        loss, stats = xent(x, targets, smoothing, -1)
        case("cross_entropy", [smoothing], {"logits": x, "targets": targets}, [loss, stats], 1)
    x, t = rand(5, 3), rand(5, 3)
    case("squared_error", [], {"x": x, "targets": t},
         [(F.mse_loss(x, t, reduction="sum") / 3).reshape(1, 1)])


def pieces():
    for one in (0, 1):
        a, b = rand(5, 6), rand(1 if one else 5, 6)
        case("add", [one], {"a": a, "b": b}, [a + b])
    a, b = rand(5, 6), rand(5, 6)
    case("mul", [], {"a": a, "b": b}, [a * b])
    x = rand(5, 6)
    case("scale", [-1.5], {"x": x}, [-1.5 * x])
    for act, f in enumerate(ACTS):
        x = rand(4, 9, 4)
        case("activation", [act], {"x": x}, [f(x)])
    # Which elements drop is ours alone (test_ops_reference); without any it is the identity.
    x = rand(4, 5)
    case("dropout", [0], {"x": x}, [F.dropout(x, 0.0)])
    for act in range(5):
        g, u = rand(4, 7, 3), rand(4, 7)
        case("glu", [act], {"gate": g, "up": u}, [ACTS[act](g) * u])
    for trans in (0, 1):
        a, b = rand(5, 7), rand(6, 7) if trans else rand(7, 6)
        case("matmul", [trans], {"a": a, "b": b}, [a @ (b.T if trans else b)])
    x = rand(5, 9, 4)
    case("softmax", [], {"x": x}, [x.softmax(-1)])
    for n in (2, 3):
        xs = [rand(4, c) for c in (3, 1, 5)[:n]]
        case("concat", [], {f"x{i}": x for i, x in enumerate(xs)}, [torch.cat(xs, 1)])
    x = rand(4, 9)
    case("slice_cols", [2, 7], {"x": x}, [x[:, 2:7]])
    x, index = rand(5, 6), [2, 0, -1, 2, 4, 2]
    padded = torch.cat([x, torch.zeros(1, 6, dtype=torch.float64)])
    case("gather_rows", [], {"x": x, "index": index}, [padded[torch.tensor(index)]])


def pools():
    lengths = [3, 0, 4, 1]
    off = offsets(lengths)
    for kind, f in enumerate((lambda r: r.mean(0), lambda r: r.max(0).values, lambda r: r.sum(0),
                              lambda r: r[0], lambda r: r[-1])):
        x = rand(off[-1], 5)
        rows = [f(x[a:b]) if b > a else torch.zeros(5, dtype=torch.float64)
                for a, b in zip(off, off[1:])]
        case("pool", [kind], {"x": x, "offsets": off}, [torch.stack(rows)])


def weighted_pools():
    off = offsets([3, 0, 4, 1])
    for heads in (1, 2):
        x, e = rand(off[-1], 6), rand(off[-1], heads, 2.0)
        alpha = torch.cat([e[a:b].softmax(0) for a, b in zip(off, off[1:])])
        wide = alpha.repeat_interleave(6 // heads, 1) * x
        y = torch.stack([wide[a:b].sum(0) for a, b in zip(off, off[1:])])
        case("pool_softmax", [], {"x": x, "e": e, "offsets": off}, [y, alpha], 1)


def separate_labels():
    x, t = rand(5, 3, 3.0), rand(5, 3)
    case("sigmoid_loss", [], {"x": x, "targets": t},
         [(F.binary_cross_entropy_with_logits(x, t, reduction="sum") / 3).reshape(1, 1)])


def main():
    for make in (linear, norms, embed, attention, losses, pieces, pools, weighted_pools,
                 attention_biased, attention_edges, separate_labels):
        make()
    save_file({k: v.contiguous() for k, v in tensors.items()},
              f"{sys.argv[1]}/ops.safetensors",
              metadata={"made_by": "tools/make_golden_ops.py", "seed": str(SEED),
                        "torch": torch.__version__})
    print(len(counts), "operators,", sum(n + 1 for n in counts.values()), "cases")


if __name__ == "__main__":
    main()
