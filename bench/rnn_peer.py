#!/usr/bin/env python3
"""Recurrent layers of attend and of PyTorch (nn.GRU, nn.LSTM) in turn on one machine.

    bench/rnn_peer.py [--program PATH] [--cell gru|lstm ...] [--shape B,T,I,H ...]
                      [--both] [--threads N] [--rounds N] [--seconds S] [--json FILE]

--program is bench_rnn (`cmake --build build --target bench_rnn`). Python needs PyTorch.
Both sides run the same shape in float32 with the same number of threads: forward, then the
mean of squares against a target and its gradients of the input, weights and biases. They
take --rounds turns of --seconds each and the best time of each counts; a ratio above 1 is
in attend's favour. "spread" is the slowest turn of a side over its fastest, the larger of
the two: above 1.2 the machine was busy, and the ratio is not to be relied on.
"""
import argparse
import json
import pathlib
import platform
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHAPES = ["32,32,128,128", "64,32,512,512", "64,128,256,256", "8,1024,256,256"]


def ours(args, cell, shape):
    command = [args.program, "--cell", cell, "--shape", shape]
    command += ["--threads", str(args.threads), "--seconds", str(args.seconds)]
    if args.both:
        command.append("--both")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{args.program}: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    return figures["forward_ms"], figures["both_ms"]


def theirs(torch, args, cell, shape):
    """The least times in ms of forward and of forward with backward."""
    b, t, i, h = map(int, shape.split(","))
    kind = torch.nn.GRU if cell == "gru" else torch.nn.LSTM
    torch.manual_seed(1)
    layer = kind(i, h, batch_first=True, bidirectional=args.both)
    x = torch.randn(b, t, i, requires_grad=True)
    target = torch.randn(b, t, h * (2 if args.both else 1))
    forward = both = float("inf")
    begun, rounds = time.perf_counter(), 0
    while rounds < 3 or time.perf_counter() - begun < args.seconds:
        layer.zero_grad(set_to_none=True)
        x.grad = None
        start = time.perf_counter()
        y, _ = layer(x)
        loss = torch.nn.functional.mse_loss(y, target)
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        forward = min(forward, (middle - start) * 1e3)
        both = min(both, (end - start) * 1e3)
        rounds += 1
    return forward, both


def compare(torch, args, cell, shape):
    a, b = [], []
    for _ in range(args.rounds):
        a.append(ours(args, cell, shape))
        b.append(theirs(torch, args, cell, shape))
    mine = [min(turn[k] for turn in a) for k in (0, 1)]
    peer = [min(turn[k] for turn in b) for k in (0, 1)]
    spread = max(max(turn[1] for turn in side) / min(turn[1] for turn in side)
                 for side in (a, b))
    return {"cell": cell, "shape_btih": [int(n) for n in shape.split(",")],
            "directions": 2 if args.both else 1, "threads": args.threads,
            "attend_forward_ms": mine[0], "attend_both_ms": mine[1],
            "pytorch_forward_ms": round(peer[0], 4), "pytorch_both_ms": round(peer[1], 4),
            "forward_ratio": round(peer[0] / mine[0], 3),
            "both_ratio": round(peer[1] / mine[1], 3), "spread": round(spread, 2),
            "pytorch": torch.__version__, "machine": platform.machine()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "bench" / "bench_rnn"))
    parser.add_argument("--cell", nargs="+", choices=["gru", "lstm"],
                        default=["gru", "lstm"])
    parser.add_argument("--shape", nargs="+", default=SHAPES)
    parser.add_argument("--both", action="store_true", help="read backward in time too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--json", help="write the figures there, one object a line")
    args = parser.parse_args()
    try:
        import torch
    except ImportError:
        sys.exit("rnn_peer.py: this Python has no PyTorch")
    torch.set_num_threads(args.threads)
    rows = []
    print(f"{'cell':5} {'B,T,I,H':18} {'attend ms':>20} {'PyTorch ms':>20} "
          f"{'ratio':>13} spread")
    print(f"{'':24} {'forward':>10}{'both':>10} {'forward':>10}{'both':>10} "
          f"{'fwd':>7}{'both':>6}")
    for shape in args.shape:
        for cell in args.cell:
            row = compare(torch, args, cell, shape)
            rows.append(row)
            print(f"{cell:5} {shape:18} {row['attend_forward_ms']:10.3f}"
                  f"{row['attend_both_ms']:10.3f} {row['pytorch_forward_ms']:10.3f}"
                  f"{row['pytorch_both_ms']:10.3f} {row['forward_ratio']:7.2f}"
                  f"{row['both_ratio']:6.2f} {row['spread']:6.2f}", flush=True)
    if args.json:
        pathlib.Path(args.json).write_text("".join(json.dumps(r) + "\n" for r in rows))


if __name__ == "__main__":
    main()
