"""A small PyTorch port of Vaccine's two-pass step on Llama, of adaptive Vaccine's and of SAM's, checked by `vaccine conform run --port "python3 port.py"`.

Own code, after the paper's Algorithm 1 and the shape of its released trainer: a backward hook reads the gradient at every
attention block's output, a forward hook adds the perturbation there in the second pass. Double precision, CPU.
"""
import json
import os
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recorder"))
from recorder import Recorder  # noqa: E402

METHODS = ["vaccine", "adaptive_vaccine", "sam"]
TYPES = {"F64": torch.float64, "F32": torch.float32, "I64": torch.int64}


def load(path):
    """The tensors of a safetensors file."""
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    return {name: torch.frombuffer(bytearray(data[slice(*e["data_offsets"])]), dtype=TYPES[e["dtype"]]).reshape(e["shape"]).clone()
            for name, e in header.items() if name != "__metadata__"}


class Norm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(c["hidden_size"])), c["rms_norm_eps"]

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.groups = c["num_attention_heads"], c["num_key_value_heads"]
        self.size = c["hidden_size"] // self.heads
        width, keys = c["hidden_size"], self.groups * self.size
        self.q_proj, self.k_proj = nn.Linear(width, width, False), nn.Linear(width, keys, False)
        self.v_proj, self.o_proj = nn.Linear(width, keys, False), nn.Linear(width, width, False)
        self.register_buffer("f", c["rope_theta"] ** (-torch.arange(0, self.size, 2, dtype=torch.float64) / self.size), False)

    def turn(self, x, positions):
        angle = positions[:, None, :, None] * self.f.to(x.dtype)
        angle = torch.cat((angle, angle), -1)
        a, b = x.chunk(2, -1)
        return x * angle.cos() + torch.cat((-b, a), -1) * angle.sin()

    def forward(self, x, mask):
        b, t, c = x.shape
        positions = (mask.cumsum(-1) - 1).clamp(min=0).to(x.dtype)
        q, k, v = (p(x).view(b, t, -1, self.size).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = self.turn(q, positions), self.turn(k, positions)
        k, v = (z.repeat_interleave(self.heads // self.groups, 1) for z in (k, v))
        seen = torch.ones(t, t, dtype=torch.bool).tril() & mask[:, None, None, :].bool()
        scores = (q @ k.transpose(-1, -2) / self.size ** 0.5).masked_fill(~seen, torch.finfo(x.dtype).min)
        return self.o_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, inner = c["hidden_size"], c["intermediate_size"]
        self.gate_proj, self.up_proj = nn.Linear(width, inner, False), nn.Linear(width, inner, False)
        self.down_proj = nn.Linear(inner, width, False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), Mlp(c)
        self.input_layernorm, self.post_attention_layernorm = Norm(c), Norm(c)

    def forward(self, x, mask):
        x = x + self.self_attn(self.input_layernorm(x), mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"], padding_idx=c["pad_token_id"])
        self.model.layers = nn.ModuleList(Block(c) for _ in range(c["num_hidden_layers"]))
        self.model.norm = Norm(c)
        self.lm_head = nn.Linear(c["hidden_size"], c["vocab_size"], False)
        if c["tie_word_embeddings"]:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, ids, mask, labels):
        x = self.model.embed_tokens(ids)
        for block in self.model.layers:
            x = block(x, mask)
        logits = self.lm_head(self.model.norm(x))
        return F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100)


class Vaccine:
    """The two-pass step of Algorithm 1; adaptive, an embedding moves by a share of its size."""

    def __init__(self, model, rho, guard, adaptive):
        self.model, self.rho, self.guard, self.adaptive, self.epsilon = model, rho, guard, adaptive, {}
        for i, block in enumerate(model.model.layers):
            block.self_attn.register_forward_hook(lambda m, a, out, i=i: out + self.epsilon[i] if self.epsilon else out)

    def step(self, batch, share, record, step, part):
        kept = [p.grad.clone() if p.grad is not None else None for p in self.model.parameters()]
        record.begin(step, 1, part)
        loss = self.model(*batch)
        loss.backward()
        record.end(loss)
        seen = [out for _, out in sorted(record.seen.items())]
        sizes = [out.detach().abs() if self.adaptive else torch.ones_like(out) for out in seen]
        gradients = [out.grad * size for out, size in zip(seen, sizes)]
        norm = torch.stack([g.norm() for g in gradients]).norm()
        self.epsilon = {i: self.rho * g * size / (norm + self.guard) for i, (g, size) in enumerate(zip(gradients, sizes))}
        for p, before in zip(self.model.parameters(), kept):            # the first pass's gradients are not the step's
            p.grad = before
        record.begin(step, 2, part)
        loss = self.model(*batch)
        (loss * share).backward()
        for out in record.seen.values():                                # recorded of the part's own loss
            out.grad /= share
        record.end(loss)
        self.epsilon = {}


class Sam:
    """The two-pass step that moves the weights instead of the embeddings, and puts them back."""

    def __init__(self, model, rho, guard):
        self.model, self.rho, self.guard = model, rho, guard

    def step(self, batch, share, record, step, part):
        params = list(self.model.parameters())
        kept = [p.grad for p in params]
        self.model.zero_grad(set_to_none=True)
        record.begin(step, 1, part)
        loss = self.model(*batch)
        loss.backward()
        record.end(loss)
        norm = torch.stack([p.grad.norm() for p in params]).norm()
        weights = [p.detach().clone() for p in params]
        with torch.no_grad():
            for p, before in zip(params, kept):
                p += self.rho * p.grad / (norm + self.guard)
                p.grad = before
        record.begin(step, 2, part)
        loss = self.model(*batch)
        (loss * share).backward()
        for out in record.seen.values():
            out.grad /= share
        record.end(loss)
        with torch.no_grad():
            for p, weight in zip(params, weights):
                p.copy_(weight)


def run(folder, output):
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    with open(os.path.join(folder, "case.json")) as file:
        case = json.load(file)
    if config["model_type"] != "llama" or os.path.exists(os.path.join(folder, "adapter_config.json")):
        return {"skipped": True, "reason": "only Llama with full parameters"}
    if case["method"] not in METHODS or case["tau"] != 1 or case["parts"] != "micro_batches" or case["kl_lambda"] != 0 or "layers" in case:
        return {"skipped": True, "reason": "only two-pass methods with micro-batches, on all layers"}
    model = Llama(config).double()
    model.load_state_dict(load(os.path.join(folder, "model.safetensors")), strict=not config["tie_word_embeddings"])
    record = Recorder(model.named_modules(), [f"model.layers.{i}.self_attn" for i in range(config["num_hidden_layers"])])
    sam, adaptive = case["method"] == "sam", case["method"] == "adaptive_vaccine"
    rule = Sam(model, case["rho"], case["guard"]) if sam else Vaccine(model, case["rho"], case["guard"], adaptive)
    record.watch()
    o = case["optimizer"]
    groups = [{"params": [p for p in model.parameters() if (p.dim() > 1) == matrix], "weight_decay": o["weight_decay"] * matrix}
              for matrix in (True, False)]
    optimizer = torch.optim.AdamW(groups, lr=o["learning_rate"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"])
    batches = load(os.path.join(folder, "batches.safetensors"))
    for k, names in enumerate(case["steps"], 1):
        optimizer.zero_grad(set_to_none=True)
        for j, name in enumerate(names):
            batch = [batches[f"{name}.{part}"] for part in ("input_ids", "attention_mask", "labels")]
            rule.step(batch, 1 / len(names), record, k, f"m{j}" if len(names) > 1 else "")
        record.step(k, model.named_parameters())
        torch.nn.utils.clip_grad_norm_(model.parameters(), o["max_gradient_norm"])
        optimizer.step()
        record.step(k, model.named_parameters(), after=True)
    record.save(output, case["name"], method=case["method"], rho=case["rho"], guard=case["guard"], norm="batch", reduction="mean")
    return {"trace": output}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "stop":
            break
        answer = {"families": ["llama"], "methods": METHODS, "dtypes": ["float64"]}
        if request["command"] == "case":
            answer = run(request["dir"], request["out"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
