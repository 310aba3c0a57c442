"""A port of the Vaccine step for `vaccine laws --port "python3 port.py"`: pure Python, no packages.

Two sites, each e = W x + eps with W (2, 3), or W + B A with a low-rank adapter; the loss is the sum of
log cosh(e - t) + t e / 10, or of t e where a loss linear in e is asked for. docs/laws.md has the messages.
"""
import json
import math
import random
import sys

SITES, ROWS, COLUMNS, GUARD = 2, 2, 3, 1e-7


def perturb(gradients, rho):
    """eps_l = rho g_l / (||(g_1 .. g_L)|| + guard): one norm over all sites."""
    norm = math.sqrt(math.fsum(g * g for site in gradients for g in site))
    return [[rho * g / (norm + GUARD) for g in site] for site in gradients]


class Model:
    def __init__(self, kind, seed):
        draw = random.Random(seed).gauss
        self.linear, self.adapted, self.merged = kind == "linear", kind == "adapted", False
        self.base = [draw(0, 1) for _ in range(SITES * ROWS * COLUMNS)]
        self.weights = [draw(0, 1) for _ in range(SITES * (ROWS + COLUMNS))] if self.adapted else list(self.base)
        self.x = [[draw(0, 1) for _ in range(SITES * COLUMNS)] for _ in range(2)]
        self.t = [[draw(0, 1) for _ in range(SITES * ROWS)] for _ in range(2)]

    def product(self):
        """B A of every site; a site's weights are B (2), then A (3)."""
        w, size = self.weights, ROWS + COLUMNS
        return [w[s * size + r] * w[s * size + ROWS + c] for s in range(SITES) for r in range(ROWS) for c in range(COLUMNS)]

    def whole(self):
        if not self.adapted:
            return self.weights
        return self.base if self.merged else [w + p for w, p in zip(self.base, self.product())]

    def merge(self, merged):
        if merged != self.merged:
            self.base = [w + (p if merged else -p) for w, p in zip(self.base, self.product())]
        self.merged = merged

    def hidden(self, batch, epsilon):
        w, x = self.whole(), self.x[batch]
        return [[math.fsum(w[(s * ROWS + r) * COLUMNS + c] * x[s * COLUMNS + c] for c in range(COLUMNS))
                 + (epsilon[s][r] if epsilon else 0) for r in range(ROWS)] for s in range(SITES)]

    def loss(self, batch, epsilon):
        e, t = [e for site in self.hidden(batch, epsilon) for e in site], self.t[batch]
        return math.fsum(t * e if self.linear else math.log(math.cosh(e - t)) + t * e / 10 for e, t in zip(e, t))

    def gradients(self, batch, epsilon=()):
        """dL/de_l, where every e_l is moved by eps_l."""
        t = self.t[batch]
        return [[t[s * ROWS + r] if self.linear else math.tanh(e - t[s * ROWS + r]) + t[s * ROWS + r] / 10
                 for r, e in enumerate(site)] for s, site in enumerate(self.hidden(batch, epsilon))]

    def to_weights(self, batch, slopes):
        x, size = self.x[batch], ROWS + COLUMNS
        dw = [[[slopes[s][r] * x[s * COLUMNS + c] for c in range(COLUMNS)] for r in range(ROWS)] for s in range(SITES)]
        if not self.adapted:
            return [d for site in dw for row in site for d in row]
        b = lambda s: self.weights[s * size:s * size + ROWS]
        a = lambda s: self.weights[s * size + ROWS:(s + 1) * size]
        return [d for s in range(SITES) for d in
                [math.fsum(dw[s][r][c] * a(s)[c] for c in range(COLUMNS)) for r in range(ROWS)]
                + [math.fsum(dw[s][r][c] * b(s)[r] for r in range(ROWS)) for c in range(COLUMNS)]]

    def step(self, rho, batches):
        """Both passes of every micro-batch; the gradients of the second ones add up."""
        total = [0.0] * len(self.weights)
        for part in batches:
            epsilon = perturb(self.gradients(part["batch"]), rho)
            gradient = self.to_weights(part["batch"], self.gradients(part["batch"], epsilon))
            total = [sum + part["scale"] * g for sum, g in zip(total, gradient)]
        return {"gradient": total, "forwards": 2 * len(batches), "reverses": 2 * len(batches)}


def answer(request, state={}):
    command, model = request["command"], state.get("model")
    if command == "start":
        return {"name": "pure Python", "dtype": "float64", "guard": GUARD, "models": ["any", "linear", "adapted"],
                "offers": ["perturb", "gradients", "loss", "weights", "step", "merge"]}
    if command == "perturb":
        return {"epsilon": perturb(request["gradients"], request["rho"])}
    if command == "begin":
        state["model"] = Model(request["model"], request["seed"])
    elif command == "gradients":
        return {"gradients": model.gradients(request["batch"])}
    elif command == "loss":
        return {"loss": model.loss(request["batch"], request["epsilon"])}
    elif command == "weights":
        return {"weights": model.weights}
    elif command == "set_weights":
        model.weights = request["weights"]
    elif command == "step":
        return model.step(request["rho"], request["batches"])
    elif command == "merge":
        model.merge(request["merged"])
    else:
        return {"skipped": "unknown command"}
    return {}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "stop":
            return
        try:
            result = answer(request)
        except Exception as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
