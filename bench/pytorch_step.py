"""The steps of `vaccine bench` in PyTorch, eager: a plain and a Vaccine optimiser step, interleaved, on a random Llama.

    python bench/pytorch_step.py --shape a --matmul float32
    python bench/pytorch_step.py --shape b --matmul bf16 --weights bf16

prints the figures that `vaccine bench --device cuda --json` prints, under the same names. Needs PyTorch 2 and nothing else.

Shape a: 6 layers x 384, vocabulary 4096, batch 8 x 256, every weight trained. Shape b: Llama-2-7B's, LoRA of rank 8 on all seven
projections, batch 5 x 200. Labels are the second half of each sequence. The model is composed as Hugging Face's modeling_llama.py and
PEFT compose it, with scaled_dot_product_attention; the head computes every row. Clipping at 1, torch.optim.AdamW in Hugging Face's two
groups. Vaccine is the released trainer's: two full passes, the first with weight gradients that are dropped.
"""

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass

import torch
import torch.nn.functional as F

IGNORED, RHO, WARM_UP = -100, 2.0, 2


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    ffn: int
    vocab: int
    batch: int
    length: int
    rank: int


SHAPES = {
    "a": Shape(layers=6, hidden=384, heads=6, ffn=1024, vocab=4096, batch=8, length=256, rank=0),
    "b": Shape(layers=32, hidden=4096, heads=32, ffn=11008, vocab=32000, batch=5, length=200, rank=8),
    "tiny": Shape(layers=2, hidden=32, heads=2, ffn=48, vocab=64, batch=2, length=8, rank=2),
}


def parameter(device, rows, columns, deviation, trained, dtype=torch.float32):
    """Made where it lives and in the type it is kept in: 7B in bfloat16 are 13 GB nowhere else."""
    values = torch.empty(rows, columns, device=device, dtype=dtype)
    return torch.nn.Parameter(values.normal_(0, deviation), requires_grad=trained)


class Linear(torch.nn.Module):
    """y = x W', and scaling x A' B' on top where there is a rank."""

    def __init__(self, shape, inputs, outputs, device, dtype):
        super().__init__()
        full = shape.rank == 0
        self.weight = parameter(device, outputs, inputs, 0.02, full, dtype)
        self.scaling = 2.0
        self.low = self.high = None
        if not full:
            bound = 1 / math.sqrt(inputs)
            self.low = torch.nn.Parameter(torch.empty(shape.rank, inputs, device=device).uniform_(-bound, bound))
            self.high = torch.nn.Parameter(torch.zeros(outputs, shape.rank, device=device))

    def forward(self, x):
        y = F.linear(x, self.weight)
        return y if self.low is None else y + F.linear(F.linear(x, self.low), self.high) * self.scaling


class Norm(torch.nn.Module):
    def __init__(self, shape, device):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(shape.hidden, device=device), requires_grad=shape.rank == 0)

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


class Block(torch.nn.Module):
    def __init__(self, shape, device, dtype):
        super().__init__()
        self.heads = shape.heads
        hidden, ffn = shape.hidden, shape.ffn
        self.attention_norm, self.feed_forward_norm = Norm(shape, device), Norm(shape, device)
        self.q, self.k, self.v, self.o = (Linear(shape, hidden, hidden, device, dtype) for _ in range(4))
        self.gate, self.up = (Linear(shape, hidden, ffn, device, dtype) for _ in range(2))
        self.down = Linear(shape, ffn, hidden, device, dtype)

    def attention(self, x, cos, sin):
        batch, length, hidden = x.shape
        q, k, v = (layer(x).view(batch, length, self.heads, -1).transpose(1, 2) for layer in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(turned(q, cos, sin), turned(k, cos, sin), v, is_causal=True)
        return self.o(y.transpose(1, 2).reshape(batch, length, hidden))

    def forward(self, x, cos, sin, layer, site):
        x = x + site(layer, self.attention(self.attention_norm(x), cos, sin))
        h = self.feed_forward_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


def turned(x, cos, sin):
    low, high = x.chunk(2, -1)
    return ((x * cos) + (torch.cat((-high, low), -1) * sin)).to(x.dtype)


class Llama(torch.nn.Module):
    def __init__(self, shape, device, dtype):
        super().__init__()
        full, size = shape.rank == 0, shape.hidden // shape.heads
        self.embedding = parameter(device, shape.vocab, shape.hidden, 0.02, full)
        self.blocks = torch.nn.ModuleList(Block(shape, device, dtype) for _ in range(shape.layers))
        self.norm = Norm(shape, device)
        self.head = parameter(device, shape.vocab, shape.hidden, 0.02, full)
        turns = 10000.0 ** -(torch.arange(0, size, 2, device=device) / size)
        angles = torch.outer(torch.arange(shape.length, device=device, dtype=torch.float32), turns)
        angles = torch.cat((angles, angles), -1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def loss(self, tokens, labels, site):
        x = F.embedding(tokens, self.embedding)
        for layer, block in enumerate(self.blocks):
            x = block(x, self.cos, self.sin, layer, site)
        logits = F.linear(self.norm(x), self.head)[:, :-1].float()
        return F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED)


class Steps:
    def __init__(self, shape, device, matmul, weights):
        torch.manual_seed(1)
        torch.backends.cuda.matmul.allow_tf32 = matmul == "tf32"
        torch.backends.cudnn.allow_tf32 = matmul == "tf32"
        self.rounded = torch.autocast(device.type, dtype=torch.bfloat16, enabled=matmul == "bf16")
        self.model = Llama(shape, device, torch.bfloat16 if weights == "bf16" else torch.float32)
        self.tokens = torch.randint(shape.vocab, (shape.batch, shape.length), device=device)
        self.labels = self.tokens.clone()
        self.labels[:, : shape.length // 2] = IGNORED
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in self.trained if p.dim() > 1], "weight_decay": 0.1},
            {"params": [p for p in self.trained if p.dim() == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=1e-4)

    def run(self, site):
        with self.rounded:
            loss = self.model.loss(self.tokens, self.labels, site)
        loss.backward()
        return loss

    def plain(self):
        self.run(lambda layer, hidden: hidden)

    def vaccine(self):
        sites = []

        def record(_, hidden):
            hidden.retain_grad()
            sites.append(hidden)
            return hidden

        self.run(record)
        epsilon = [hidden.grad for hidden in sites]
        norm = torch.norm(torch.stack([e.float().norm() for e in epsilon]))
        epsilon = [e * (RHO / (norm + 1e-7)).to(e.dtype) for e in epsilon]
        self.optimizer.zero_grad()
        self.run(lambda layer, hidden: hidden + epsilon[layer])

    def step(self, rule):
        start = time.perf_counter()
        self.optimizer.zero_grad()
        rule()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        synchronize(self.tokens.device)
        return (time.perf_counter() - start) * 1000


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timing(times, tokens):
    median = statistics.median(times)
    return {"median_ms": median, "min_ms": min(times), "tokens_per_second": tokens / median * 1000}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="a")
    parser.add_argument("--matmul", choices=("float32", "tf32", "bf16"), default="float32")
    parser.add_argument("--weights", choices=("full", "bf16"), default="full", help="bf16 needs --matmul bf16 and LoRA")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--steps", type=int, default=7)
    options = parser.parse_args()
    shape, device = SHAPES[options.shape], torch.device(options.device)
    if options.weights == "bf16" and (options.matmul != "bf16" or shape.rank == 0):
        sys.exit("--weights bf16 needs --matmul bf16 and a shape with LoRA: PyTorch does not widen weights in the product")
    steps = Steps(shape, device, options.matmul, options.weights)
    plain, vaccine = [], []
    for step in range(WARM_UP + options.steps):
        first, second = steps.step(steps.plain), steps.step(steps.vaccine)
        if step >= WARM_UP:
            plain.append(first)
            vaccine.append(second)
    tokens = shape.batch * shape.length
    print(json.dumps({
        "plain": timing(plain, tokens),
        "vaccine": timing(vaccine, tokens),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else options.device,
        "steps": options.steps,
        "tokens": tokens,
        "parameters": sum(p.numel() for p in steps.model.parameters()) - (shape.rank > 0) * sum(p.numel() for p in steps.trained),
        "trainable": sum(p.numel() for p in steps.trained),
        "peak_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0,
    }, indent=2))


if __name__ == "__main__":
    main()
