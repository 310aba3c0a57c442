"""Records a trace for `vaccine conform` from a PyTorch port: schema vaccine-trace/1. Needs torch and nothing else.

    record = Recorder(model.named_modules(), sites)     # before the port registers its own hooks: sees raw outputs
    ... the port registers its hooks ...
    record.watch()                                      # after: sees what the port's hooks made of them
    record.begin(step=1, which=1); loss = ...; loss.backward(); record.end(loss)
    record.step(1, model.named_parameters()); optimizer.step(); record.step(1, model.named_parameters(), after=True)
    record.save(folder, case="llama_mha", method="vaccine", rho=2.0)

Epsilon is not asked for: it is measured as out - raw. A port without such hooks calls record.site(i, raw, out) by itself.
"""
import json
import os
import struct

import torch

KINDS = {torch.float64: ("F64", "float64"), torch.float32: ("F32", "float32"),
         torch.float16: ("F16", "float16"), torch.bfloat16: ("BF16", "bfloat16")}


class Recorder:
    def __init__(self, modules, sites):
        modules, self.sites, self.tensors, self.steps, self.at, self.seen = dict(modules), list(sites), {}, {}, None, {}
        self.modules = [modules[name] for name in self.sites]
        self._hook("raw")

    def watch(self):
        self._hook("out")

    def _hook(self, kind):
        for i, module in enumerate(self.modules):
            module.register_forward_hook(lambda m, a, out, i=i: self._take(i, kind, out[0] if isinstance(out, tuple) else out))

    def site(self, i, raw, out):
        self._take(i, "raw", raw), self._take(i, "out", out)

    def _take(self, i, kind, value):
        if self.at:
            self.tensors[f"{self.at}/site{i}/{kind}"] = value.detach().clone()
            if kind == "out":
                value.retain_grad()
                self.seen[i] = value

    def begin(self, step, which, part=""):
        self.key, self.seen = f"{part}/p{which}" if part else f"p{which}", {}
        self.at, self.now = f"s{step}/{self.key}", self.steps.setdefault(step, {"step": step, "passes": 0, "losses": {}})
        self.now["passes"] = max(which, self.now["passes"])

    def end(self, loss):
        self.now["losses"][self.key] = loss.item()
        self.tensors.update({f"{self.at}/site{i}/grad": out.grad.detach().clone() for i, out in self.seen.items()})
        self.at = None

    def step(self, number, parameters, after=False):
        for name, p in parameters:
            if p.requires_grad:
                self.tensors[f"s{number}/{'param' if after else 'grad'}/{name}"] = (p if after else p.grad).detach().clone()

    def save(self, folder, case, **said):
        header, data = {}, b""
        for name, value in sorted(self.tensors.items()):
            flat = value.contiguous().cpu().flatten()
            raw = (flat.view(torch.int16) if flat.element_size() == 2 else flat).numpy().tobytes()
            header[name] = {"dtype": KINDS[value.dtype][0], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        text, dtype = json.dumps(header).encode(), KINDS[value.dtype][1]
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "trace.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)
        manifest = {"schema": "vaccine-trace/1", "case": case, "dtype": dtype, "sites": self.sites, "steps": list(self.steps.values()),
                    "implementation": {"name": "pytorch", "version": torch.__version__}, **said}
        with open(os.path.join(folder, "manifest.json"), "w") as file:
            json.dump(manifest, file, indent=2)
