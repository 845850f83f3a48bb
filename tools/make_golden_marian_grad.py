#!/usr/bin/env python3
"""Loss, hidden states, logits and every gradient of a tiny MarianMTModel in double precision.

Writes tests/golden/marian_grad_<activation>.safetensors: the weights (f32, exact), one ragged
batch, and what PyTorch makes of them. Run with the versions recorded in the file's metadata:

    python tools/make_golden_marian_grad.py tests/golden
"""
import sys

import torch
import transformers
from safetensors.torch import save_file
from transformers import MarianConfig, MarianMTModel

SEED = 20261121
VOCAB, PAD, SMOOTHING = 24, 23, 0.1
SOURCE = [[5, 7, 2, 0], [9, 0], [3, 3, 11, 15, 21, 0]]
TARGET = [[4, 8, 0], [6, 22, 10, 1, 0], [12, 0]]


def make_model(activation):
    config = MarianConfig(
        vocab_size=VOCAB, decoder_vocab_size=VOCAB, d_model=16, encoder_layers=2,
        decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=24, decoder_ffn_dim=24, activation_function=activation,
        scale_embedding=True, max_position_embeddings=16, pad_token_id=PAD,
        eos_token_id=0, decoder_start_token_id=PAD, forced_eos_token_id=0, dropout=0.0,
        attention_dropout=0.0, activation_dropout=0.0, attn_implementation="eager",
    )
    torch.manual_seed(SEED)
    model = MarianMTModel(config)
    # Larger than initial weights, so that attention is far from uniform; f32 values exactly.
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embed_positions" in name:
                continue
            x = torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.2)
            p.copy_(x + 1.0 if name.endswith("norm.weight") else x)
        model.model.shared.weight[PAD].zero_()
        model.final_logits_bias.copy_(torch.randn_like(model.final_logits_bias) * 0.2)
        model.final_logits_bias[0, PAD] = 0.0
    return model


def pad(rows):
    width = max(map(len, rows))
    return torch.tensor([r + [PAD] * (width - len(r)) for r in rows])


def sinusoids(p, c):
    half = (c + 1) // 2
    angle = torch.arange(p, dtype=torch.float64)[:, None] / 10000 ** (
        2 * torch.arange(half, dtype=torch.float64) / c)
    return torch.cat([angle.sin(), angle.cos()], 1)


def run(model):
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    model = model.double().eval()
    for stack in (model.model.encoder, model.model.decoder):
        # The class computes its table in f32; ours starts from double.
        with torch.no_grad():
            stack.embed_positions.weight.copy_(sinusoids(16, 16))
    model.final_logits_bias.requires_grad_(True)
    source, target = pad(SOURCE), pad(TARGET)
    start = [[PAD] + t[:-1] for t in TARGET]
    mask = torch.zeros_like(source)
    for i, r in enumerate(SOURCE):
        mask[i, : len(r)] = 1
    out = model.model(input_ids=source, attention_mask=mask, decoder_input_ids=pad(start))
    hidden = out.last_hidden_state
    logits = hidden @ model.model.shared.weight.T + model.final_logits_bias
    real = torch.zeros(target.shape, dtype=torch.bool)
    for i, r in enumerate(TARGET):
        real[i, : len(r)] = True
    rows = logits[real]
    masked = rows.clone()
    masked[:, PAD] = -torch.inf
    logp = masked.log_softmax(-1)
    keep = torch.arange(VOCAB) != PAD
    nll = -logp.gather(1, target[real][:, None])[:, 0]
    smooth = -logp[:, keep].mean(-1)
    loss = ((1 - SMOOTHING) * nll + SMOOTHING * smooth).sum()
    loss.backward()
    offsets = lambda rows: torch.tensor(
        [0] + [sum(map(len, rows[: i + 1])) for i in range(len(rows))], dtype=torch.int32)
    flat = lambda rows: torch.tensor(sum(rows, []), dtype=torch.int32)
    tensors = {
        "in.src_ids": flat(SOURCE), "in.src_offsets": offsets(SOURCE),
        "in.tgt_ids": flat(start), "in.tgt_offsets": offsets(TARGET),
        "in.targets": flat(TARGET), "out.hidden": hidden[real], "out.logits": rows,
        "out.loss": loss.reshape(1), "out.nll": nll.sum().reshape(1),
    }
    grads = dict(model.named_parameters())
    grads["final_logits_bias"] = model.final_logits_bias
    for name, value in state.items():
        if "embed_positions" in name or name in (
                "lm_head.weight", "model.encoder.embed_tokens.weight",
                "model.decoder.embed_tokens.weight"):
            continue
        tensors["w." + name] = value
        g = grads[name].grad.clone()
        if name == "model.shared.weight":
            g[PAD] = 0  # never trained
        tensors["g." + name] = g
    return {k: v.detach().float().contiguous() if v.is_floating_point() else v
            for k, v in tensors.items()}


def main():
    for activation in ("relu", "swish"):
        path = f"{sys.argv[1]}/marian_grad_{activation}.safetensors"
        save_file(run(make_model(activation)), path, metadata={
            "made_by": "tools/make_golden_marian_grad.py", "seed": str(SEED),
            "torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    main()
