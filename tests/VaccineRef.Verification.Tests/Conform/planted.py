"""Writes traces of PyTorch runs with known defects planted: python3 planted.py KIT OUTPUT, one folder CASE-DEFECT each."""
import json
import os
import sys

import torch
from torch import nn
from torch.nn import functional as F

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "examples")
sys.path[:0] = [os.path.join(ROOT, "recorder"), os.path.join(ROOT, "ports", "pytorch")]
from port import Llama, load  # noqa: E402
from recorder import Recorder  # noqa: E402

DEFECTS = """norm_per_layer norm_per_sample norm_per_token wrong_sign guard_missing rho_root missing_last_site missing_first_site
extra_mlp_sites site_mlp site_after_block site_before_projection stale_epsilon never_applied applied_twice epsilon_through_graph
second_pass_missing first_pass_kept never_zeroed loss_summed labels_not_shifted labels_shifted_twice decay_of_vectors no_clipping
no_bias_correction dropout_anew""".split()


class OptAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        width, self.heads = c["hidden_size"], c["num_attention_heads"]
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask):
        b, t, c = x.shape
        q, k, v = (p(x).view(b, t, self.heads, -1).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        seen = torch.ones(t, t, dtype=torch.bool).tril() & mask[:, None, None, :].bool()
        scores = (q @ k.transpose(-1, -2) / (c // self.heads) ** 0.5).masked_fill(~seen, torch.finfo(x.dtype).min)
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, c))


class OptBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["hidden_size"]
        self.self_attn, self.self_attn_layer_norm = OptAttention(c), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, c["ffn_dim"]), nn.Linear(c["ffn_dim"], width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x, mask):
        x = x + self.self_attn(self.self_attn_layer_norm(x), mask)
        return x + self.fc2(self.fc1(self.final_layer_norm(x)).relu())


class Opt(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = nn.Module()
        d = self.model.decoder = nn.Module()
        d.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"], padding_idx=1)
        d.embed_positions = nn.Embedding(c["max_position_embeddings"] + 2, c["hidden_size"])
        d.layers = nn.ModuleList(OptBlock(c) for _ in range(c["num_hidden_layers"]))
        d.final_layer_norm = nn.LayerNorm(c["hidden_size"])

    def logits(self, ids, mask):
        d = self.model.decoder
        x = d.embed_tokens(ids) + d.embed_positions(mask.cumsum(-1) * mask + 1)
        for block in d.layers:
            x = block(x, mask)
        return d.final_layer_norm(x) @ d.embed_tokens.weight.t()


def llama_logits(model, ids, mask):
    x = model.model.embed_tokens(ids)
    for block in model.model.layers:
        x = block(x, mask)
    return model.lm_head(model.model.norm(x))


def loss_of(model, batch, defect):
    ids, mask, labels = batch
    logits = model.logits(ids, mask) if isinstance(model, Opt) else llama_logits(model, ids, mask)
    shift = {"labels_not_shifted": 0, "labels_shifted_twice": 2}.get(defect, 1)
    logits, labels = logits[:, :logits.shape[1] - shift], labels[:, shift:]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), reduction="sum" if defect == "loss_summed" else "mean")


def site_names(model, defect):
    path, mlp, out = ("model.decoder.layers", "fc2", "out_proj") if isinstance(model, Opt) else ("model.layers", "mlp", "o_proj")
    names = []
    for i in range(3):
        names += {"site_mlp": [f"{path}.{i}.{mlp}"], "site_after_block": [f"{path}.{i}"],
                  "site_before_projection": [f"{path}.{i}.self_attn.{out}"],
                  "extra_mlp_sites": [f"{path}.{i}.self_attn", f"{path}.{i}.{mlp}"]}.get(defect, [f"{path}.{i}.self_attn"])
    return names


def epsilon_of(g, rho, guard, defect):
    guard = 0 if defect == "guard_missing" else guard
    rho = {"wrong_sign": -rho, "rho_root": rho ** 0.5}.get(defect, rho)
    kept = {i: x for i, x in g.items() if (defect, i) not in (("missing_last_site", 2), ("missing_first_site", 0))}
    if defect == "norm_per_layer":
        return {i: rho * x / (x.norm() + guard) for i, x in kept.items()}
    if defect == "norm_per_token":
        return {i: rho * x / (x.norm(dim=-1, keepdim=True) + guard) for i, x in kept.items()}
    stacked = torch.stack(list(kept.values()))
    norm = stacked.pow(2).sum(dim=(0, 2, 3) if defect == "norm_per_sample" else (0, 1, 2, 3)).sqrt()
    return {i: rho * x / (norm.reshape(-1, 1, 1) + guard) for i, x in kept.items()}


class Moved:
    """The hooks that record a pass and add the perturbation in it."""

    def __init__(self, model, defect):
        self.defect, self.epsilon, self.record, self.seen = defect, {}, None, {}
        for i, name in enumerate(site_names(model, defect)):
            module = dict(model.named_modules())[name]
            if defect == "site_before_projection":
                module.register_forward_pre_hook(lambda m, a, i=i: (self.at(i, a[0]),))
            else:
                module.register_forward_hook(lambda m, a, out, i=i: self.at(i, out))

    def at(self, i, raw):
        out = raw
        if i in self.epsilon:
            out = raw + self.epsilon[i] * (2 if self.defect == "applied_twice" else 1)
        self.record.site(i, raw, out)
        self.seen[i] = out
        return out


def step(model, batch, moved, record, k, case, defect, state):
    params = [p for p in model.parameters()]
    before = [None if p.grad is None else p.grad.clone() for p in params]
    moved.epsilon, moved.record, graph = {}, record, defect == "epsilon_through_graph"
    record.begin(k, 1)
    loss = loss_of(model, batch, defect)
    if graph:
        g = dict(zip(moved.seen, torch.autograd.grad(loss, list(moved.seen.values()), create_graph=True)))
        for i, out in moved.seen.items():
            out.grad = g[i].detach()
    else:
        loss.backward()
        g = {i: out.grad.clone() for i, out in moved.seen.items()}
    record.end(loss)
    if defect == "second_pass_missing":
        return
    if defect != "first_pass_kept":
        for p, kept in zip(params, before):
            p.grad = kept
    epsilon = epsilon_of(g, case["rho"], case["guard"], defect)
    used = state.get("epsilon", {}) if defect == "stale_epsilon" else {} if defect == "never_applied" else epsilon
    state["epsilon"] = epsilon
    moved.epsilon = used
    record.begin(k, 2)
    loss = loss_of(model, batch, defect)
    loss.backward()
    record.end(loss)


def update(model, o, defect, state):
    params = list(model.parameters())
    norm = torch.stack([p.grad.norm() for p in params]).norm()
    clip = 1 if defect == "no_clipping" else min(1, o["max_gradient_norm"] / (norm.item() + 1e-6))
    state["t"] = t = state.get("t", 0) + 1
    m, v = state.setdefault("m", [torch.zeros_like(p) for p in params]), state.setdefault("v", [torch.zeros_like(p) for p in params])
    with torch.no_grad():
        for i, p in enumerate(params):
            g = p.grad * clip
            if p.dim() > 1 or defect == "decay_of_vectors":
                p.mul_(1 - o["learning_rate"] * o["weight_decay"])
            m[i] = o["beta1"] * m[i] + (1 - o["beta1"]) * g
            v[i] = o["beta2"] * v[i] + (1 - o["beta2"]) * g * g
            c1, c2 = (1, 1) if defect == "no_bias_correction" else (1 - o["beta1"] ** t, 1 - o["beta2"] ** t)
            p.sub_(o["learning_rate"] * (m[i] / c1) / ((v[i] / c2).sqrt() + o["epsilon"]))


def run(kit, name, defect, output):
    folder = os.path.join(kit, "cases", name)
    config, case = (json.load(open(os.path.join(folder, f))) for f in ("config.json", "case.json"))
    model = (Opt if config["model_type"] == "opt" else Llama)(config).double()
    model.load_state_dict(load(os.path.join(folder, "model.safetensors")), strict=True)
    record = Recorder(model.named_modules(), [])
    record.sites = site_names(model, defect)
    if defect == "dropout_anew":
        embedding = model.model.decoder.embed_tokens if isinstance(model, Opt) else model.model.embed_tokens
        embedding.register_forward_hook(lambda m, a, out: F.dropout(out, 0.1))
    moved, state, batches = Moved(model, defect), {}, load(os.path.join(folder, "batches.safetensors"))
    for k, (batch,) in enumerate(case["steps"], 1):
        if defect != "never_zeroed":
            for p in model.parameters():
                p.grad = None
        parts = [batches[f"{batch}.{part}"] for part in ("input_ids", "attention_mask", "labels")]
        step(model, parts, moved, record, k, case, defect, state)
        record.step(k, model.named_parameters())
        update(model, case["optimizer"], defect, state)
        record.step(k, model.named_parameters(), after=True)
    record.save(os.path.join(output, f"{name}-{defect}"), name)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case in ("llama_mha", "opt"):
        for planted in DEFECTS:
            run(sys.argv[1], case, planted, sys.argv[2])
