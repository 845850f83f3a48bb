#!/usr/bin/env python3
"""Values and gradients of GRU and LSTM layers over sequences of different lengths, from
PyTorch's nn.GRU and nn.LSTM over packed sequences in double precision.

Writes tests/golden/rnn.safetensors: for every case <cell>/<direction>/ the operands by the
names of att_op_rnn_opts (of direction 1 with a 1 behind), y and last, what flows back
(dy, dlast), and the gradients d.<operand>; for every whole model <score>/<cell>/ the
parameters by their names, the loss, and the gradients d.<parameter>; operands are f32 values exactly, results are
rounded to f32 once. Run with the versions recorded in the file's metadata:

    python tools/make_golden_rnn.py tests/golden/rnn.safetensors
"""
import sys

import torch
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

SEED = 20261121
LENGTHS = [5, 1, 9, 4, 9, 2]
C, H = 6, 17
gen = torch.Generator().manual_seed(SEED)
tensors = {}


def rand(*shape, size=1.0):
    x = (torch.rand(*shape, generator=gen, dtype=torch.float64) * 2 - 1) * size
    return x.float().double().requires_grad_(True)


def keep(name, x):
    tensors[name] = x.detach().float().contiguous()


def case(cell, direction):
    lstm, two = cell == "lstm", direction == 2
    dirs = 2 if two else 1
    net = (torch.nn.LSTM if lstm else torch.nn.GRU)(C, H, bidirectional=two).double()
    at = f"{cell}/{direction}/"
    names = {}
    for d in range(dirs):
        for short in ["w_ih", "w_hh", "b_ih", "b_hh"]:
            long = short.replace("w_", "weight_").replace("b_", "bias_") + "_l0"
            long += "_reverse" if d else ""
            p = dict(net.named_parameters())[long]
            p.data = rand(*p.shape, size=0.5).data
            names[short + ("1" if d else "")] = p
    x = [rand(n, C) for n in LENGTHS]
    init = rand(len(LENGTHS), (2 if lstm else 1) * dirs * H)
    # Backward in time alone is forward over what was turned round.
    feed = [s.flip(0) for s in x] if direction == 1 else x
    parts = [s.transpose(0, 1).contiguous() for s in
             init.view(len(LENGTHS), -1, dirs, H).unbind(1)]
    packed = pack_sequence(feed, enforce_sorted=False)
    out, last = net(packed, tuple(parts) if lstm else parts[0])
    out = pad_packed_sequence(out, batch_first=True)[0]
    rows = [out[i, :n] for i, n in enumerate(LENGTHS)]
    y = torch.cat([r.flip(0) for r in rows] if direction == 1 else rows)
    last = torch.cat([s.transpose(0, 1).reshape(len(LENGTHS), -1)
                      for s in (last if lstm else [last])], 1)
    dy, dlast = rand(*y.shape), rand(*last.shape)
    ((y * dy).sum() + (last * dlast).sum()).backward()
    keep(at + "x", torch.cat(x))
    keep(at + "d.x", torch.cat([s.grad for s in x]))
    for name, p in list(names.items()) + [("initial", init)]:
        shape = p.shape if p.dim() == 2 else (1, -1)
        keep(at + name, p.reshape(shape))
        keep(at + "d." + name, p.grad.reshape(shape))
    for name, v in [("y", y), ("last", last), ("dy", dy), ("dlast", dlast)]:
        keep(at + name, v)


# ---- whole models: the encoder-decoder of src/models/rnn/MODEL.md ----

V, PAD, E, HE, H2, A = 11, 10, 5, 4, 8, 7
SRC = [[3, 4, 5, 6, 0], [7, 0], [1, 2, 9, 0]]
TGT = [[2, 8, 0], [5, 4, 3, 1, 9, 0], [6, 0]]
SMOOTHING = 0.1


def model(score, cell):
    lstm = cell == "lstm"
    gates, cells = (4, 2) if lstm else (3, 1)
    at = f"{score}/{cell}/"
    memory, par = 2 * HE, {}

    def new(name, *shape):
        par[name] = rand(*shape, size=0.6)

    new("model.shared.weight", V, E)
    par["model.shared.weight"].data[PAD] = 0
    new("final_logits_bias", 1, V)
    width = E
    for layer in range(2):
        for way in ["forward", "backward"]:
            base = f"model.encoder.layers.{layer}.{way}."
            new(base + "weight_ih", gates * HE, width)
            new(base + "weight_hh", gates * HE, HE)
            new(base + "bias_ih", gates * HE)
            new(base + "bias_hh", gates * HE)
        width = memory
    new("model.decoder.bridge.weight", cells * H2, cells * memory)
    new("model.decoder.bridge.bias", cells * H2)
    said = {"additive": H2 + memory + E, "none": H2 + E}.get(score, H2 + memory)
    feed = {"additive": memory, "none": 0}.get(score, E)
    if score == "additive":
        new("model.attention.key.weight", A, memory)
        new("model.attention.key.bias", A)
        new("model.attention.query.weight", A, H2)
        new("model.attention.v", 1, A)
    if score == "general":
        new("model.attention.key.weight", H2, memory)
    base = "model.decoder.cell."
    new(base + "weight_ih", gates * H2, E)
    if feed:
        new(base + "weight_feed", gates * H2, feed)
    new(base + "weight_hh", gates * H2, H2)
    new(base + "bias_ih", gates * H2)
    new(base + "bias_hh", gates * H2)
    new("model.decoder.readout.weight", E, said)
    new("model.decoder.readout.bias", E)

    def step(base, x, state):
        ih = torch.cat([par[base + n] for n in ["weight_ih", "weight_feed"]
                        if base + n in par], 1)
        args = (ih, par[base + "weight_hh"], par[base + "bias_ih"],
                par[base + "bias_hh"])
        if lstm:
            return torch.lstm_cell(x[None], (state[0][None], state[1][None]), *args)
        return (torch.gru_cell(x[None], state[0][None], *args),)

    def sentence(src, tgt):
        x = list(par["model.shared.weight"][src])
        for layer in range(2):
            ways, ends = [], []
            for way in ["forward", "backward"]:
                state = tuple(torch.zeros(HE, dtype=torch.float64)
                              for _ in range(cells))
                out = []
                for row in (x if way == "forward" else x[::-1]):
                    state = step(f"model.encoder.layers.{layer}.{way}.", row, state)
                    state = tuple(s[0] for s in state)
                    out.append(state[0])
                ways.append(out if way == "forward" else out[::-1])
                ends.append(state)
            x = [torch.cat([a, b]) for a, b in zip(*ways)]
        last = torch.cat([e[k] for k in range(cells) for e in ends])
        first = torch.tanh(par["model.decoder.bridge.weight"] @ last
                           + par["model.decoder.bridge.bias"])
        state = tuple(first.split(H2))
        source = torch.stack(x)
        keys = source
        if score in ["additive", "general"]:
            keys = source @ par["model.attention.key.weight"].T
        if score == "additive":
            keys = keys + par["model.attention.key.bias"]
        w, b = par["model.decoder.readout.weight"], par["model.decoder.readout.bias"]
        fed = torch.zeros(E, dtype=torch.float64)
        loss = 0
        for before, target in zip([PAD] + tgt[:-1], tgt):
            token = par["model.shared.weight"][before]
            if before == PAD:
                token = token.detach()
            if score == "additive":
                q = par["model.attention.query.weight"] @ state[0]
                e = torch.tanh(q + keys) @ par["model.attention.v"][0]
                context = torch.softmax(e, 0) @ source
            x_in = {"additive": [token, context] if score == "additive" else None,
                    "none": [token]}.get(score, [token, fed])
            state = tuple(s[0] for s in step("model.decoder.cell.", torch.cat(x_in),
                                             state))
            if score == "additive":
                out = torch.tanh(w @ torch.cat([state[0], context, token]) + b)
            elif score == "none":
                out = torch.tanh(w @ torch.cat([state[0], token]) + b)
            else:
                context = torch.softmax(keys @ state[0], 0) @ source
                out = fed = torch.tanh(w @ torch.cat([state[0], context]) + b)
            logits = par["model.shared.weight"] @ out + par["final_logits_bias"][0]
            logits = torch.cat([logits[:PAD], logits[PAD + 1:]])
            p = torch.log_softmax(logits, 0)
            loss = loss - (1 - SMOOTHING) * p[target] - SMOOTHING * p.mean()
        return loss

    loss = sum(sentence(s, t) for s, t in zip(SRC, TGT))
    loss.backward()
    tensors[at + "loss"] = loss.detach().view(1)
    for name, p in par.items():
        keep(at + name, p)
        keep(at + "d." + name, p.grad)


for cell in ["gru", "lstm"]:
    for direction in range(3):
        case(cell, direction)
for score, cell in [("additive", "gru"), ("additive", "lstm"), ("general", "gru"),
                    ("dot", "lstm"), ("none", "gru")]:
    model(score, cell)
offsets = [0]
for n in LENGTHS:
    offsets.append(offsets[-1] + n)
tensors["offsets"] = torch.tensor(offsets, dtype=torch.int32).view(-1, 1)
save_file(tensors, sys.argv[1],
          metadata={"torch": torch.__version__, "seed": str(SEED)})
