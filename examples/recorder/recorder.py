"""Records a trace for `vaccine conform` from a PyTorch port: schema vaccine-trace/1. Needs torch and nothing else.

    record = Recorder(model.named_modules(), sites)     # before the port registers its own hooks: sees raw outputs
    record.watch()                                      # after that: sees what the port's hooks made of them
    record.begin(step=1, which=1); loss = ...; loss.backward(); record.end(loss)
    record.step(1, model.named_parameters()); optimizer.step(); record.step(1, model.named_parameters(), after=True)
    record.save(folder, case="llama_mha", method="vaccine", rho=2.0)

Epsilon is not asked for: it is measured as out - raw. A port without such hooks calls record.site(i, raw, out) by itself."""
import json
import struct
from pathlib import Path
import torch


class Recorder:
    def __init__(self, modules, sites):
        modules, self.sites, self.tensors, self.steps, self.at, self.seen = dict(modules), list(sites), {}, {}, None, {}
        self.modules = [modules[name] for name in self.sites]
        self.watch("raw")

    def watch(self, kind="out"):
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
        self.now["losses"][self.key], at, self.at = loss.item(), self.at, None
        self.tensors.update({f"{at}/site{i}/grad": out.grad.detach().clone() for i, out in self.seen.items()})

    def step(self, number, parameters, after=False):
        taken = {name: p if after else p.grad for name, p in parameters if p.requires_grad}
        self.tensors.update({f"s{number}/{'param' if after else 'grad'}/{name}": t.detach().clone() for name, t in taken.items()})

    def save(self, folder, case, **said):
        types = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
        folder, header, data = Path(folder), {}, b""
        for name, value in sorted(self.tensors.items()):
            raw, dtype = value.cpu().flatten().view(torch.uint8).numpy().tobytes(), str(value.dtype).removeprefix("torch.")
            header[name] = {"dtype": types[dtype], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
            data += raw
        manifest = {"schema": "vaccine-trace/1", "case": case, "dtype": dtype, "sites": self.sites, "steps": list(self.steps.values()),
                    "implementation": {"name": "pytorch", "version": torch.__version__}, **said}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
        (folder / "trace.safetensors").write_bytes(struct.pack("<Q", len(text := json.dumps(header).encode())) + text + data)
