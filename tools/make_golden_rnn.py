#!/usr/bin/env python3
"""Values and gradients of GRU and LSTM layers over sequences of different lengths, from
PyTorch's nn.GRU and nn.LSTM over packed sequences in double precision.

Writes tests/golden/rnn.safetensors: for every case <cell>/<direction>/ the operands by the
names of att_op_rnn_opts (of direction 1 with a 1 behind), y and last, what flows back
(dy, dlast), and the gradients d.<operand>; operands are f32 values exactly, results are
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


for cell in ["gru", "lstm"]:
    for direction in range(3):
        case(cell, direction)
offsets = [0]
for n in LENGTHS:
    offsets.append(offsets[-1] + n)
tensors["offsets"] = torch.tensor(offsets, dtype=torch.int32).view(-1, 1)
save_file(tensors, sys.argv[1],
          metadata={"torch": torch.__version__, "seed": str(SEED)})
