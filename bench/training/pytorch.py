"""PyTorch, eager, on the CPU: a child of training.ts. See protocol.ts.

    python3 pytorch.py <threads>
"""

import json
import math
import os
import sys
import time

THREADS = int(sys.argv[1])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)  # read when the libraries are loaded

# Standard output is for answers; what a library has to say goes to standard error.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**fields):
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    answer(failed=f"{sys.executable} has no PyTorch ({error})")
    sys.exit()

torch.set_num_threads(THREADS)


def blas():
    """The library of matrix products that is loaded: builds of distributions take whatever the system has."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    try:
        with open("/proc/self/maps") as maps:
            names = {os.path.basename(line.split()[-1]) for line in maps if "/" in line}
    except OSError:
        return ""
    # One that goes by the name of another, libblas.so.3, may be there beside it.
    found = sorted((n for n in names if "blas" in n or "libmkl_core" in n), key=lambda n: n.startswith("libblas"))
    return f", {found[0]}" if found else ""


class Model:
    """GPT-2's shape without biases; queries, keys and values of a block are one product."""

    def __init__(self, size, eps, weights):
        self.size, self.eps = size, eps
        grouped = {}
        for name, values in weights.items():
            for part in ("q", "k", "v"):
                name = name.replace(f"attention.{part}.", "attention.qkv.")
            grouped.setdefault(name, []).append(values)
        self.weights = {name: torch.cat(parts).requires_grad_() for name, parts in grouped.items()}
        self.positions = torch.arange(size["context"])
        self.future = torch.ones(size["context"], size["context"], dtype=torch.bool).triu(1)

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.weights[name], None, self.eps)

    def attention(self, x, name):
        batch, time, dim = x.shape
        heads = self.size["heads"]
        q, k, v = F.linear(x, self.weights[f"{name}.qkv.weight"]).split(dim, dim=2)
        q, k, v = (t.view(batch, time, heads, dim // heads).transpose(1, 2) for t in (q, k, v))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(k.shape[-1]))
            y = scores.masked_fill(self.future, float("-inf")).softmax(dim=-1) @ v
        return F.linear(y.transpose(1, 2).reshape(batch, time, dim), self.weights[f"{name}.out.weight"])

    def feed_forward(self, x, name):
        hidden = F.gelu(F.linear(x, self.weights[f"{name}.up.weight"]))
        return F.linear(hidden, self.weights[f"{name}.down.weight"])

    def loss(self, inputs, targets):
        table = self.weights["embedding.weight"]
        x = F.embedding(inputs, table) + F.embedding(self.positions, self.weights["position.table"])
        for i in range(self.size["depth"]):
            x = x + self.attention(self.norm(x, f"blocks.{i}.norm1.weight"), f"blocks.{i}.attention")
            x = x + self.feed_forward(self.norm(x, f"blocks.{i}.norm2.weight"), f"blocks.{i}.feedForward")
        logits = F.linear(self.norm(x, "norm.weight"), table)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def adamw(weights, hyper):
    """Fused where this version has it for the CPU. Vectors do not decay."""
    groups = [
        {"params": [w for w in weights if w.dim() == 2], "weight_decay": hyper["decay"]},
        {"params": [w for w in weights if w.dim() == 1], "weight_decay": 0.0},
    ]
    options = {"lr": hyper["learningRate"], "betas": (hyper["beta1"], hyper["beta2"]), "eps": hyper["eps"]}
    try:
        return torch.optim.AdamW(groups, fused=True, **options)
    except (RuntimeError, TypeError):
        return torch.optim.AdamW(groups, **options)


def read_weights(path, parameters):
    with open(path, "rb") as file:
        everything = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    parts = everything.split([math.prod(p["shape"]) for p in parameters])
    return {p["name"]: values.view(p["shape"]) for p, values in zip(parameters, parts)}


class Trainer:
    """A model in training; its steps go through the batches again and again."""

    def __init__(self, size, hyper, parameters, weights, batches):
        self.model = Model(size, hyper["normEps"], read_weights(weights, parameters))
        self.all = list(self.model.weights.values())
        self.optimizer = adamw(self.all, hyper)
        self.clip = hyper["clip"]
        shape = (size["batch"], size["context"])
        self.batches = [tuple(torch.tensor(b[key]).view(shape) for key in ("inputs", "targets")) for b in batches]
        self.done = 0

    def step(self):
        inputs, targets = self.batches[self.done % len(self.batches)]
        self.done += 1
        loss = self.model.loss(inputs, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.all, self.clip)
        self.optimizer.step()
        return loss.item()

    def measure(self, seconds):
        self.step()  # threads wake up within it, and caches fill
        steps, start, before = [], time.perf_counter(), time.process_time()
        now = start
        while not steps or now - start < seconds:
            begin = now
            self.step()
            now = time.perf_counter()
            steps.append(1000 * (now - begin))
        return {"steps": steps, "cpus": (time.process_time() - before) / (now - start)}


if torch.get_num_threads() != THREADS:
    answer(failed=f"it has {torch.get_num_threads()} threads, asked for {THREADS}")
    sys.exit()
answer(about=f"PyTorch {torch.__version__}, eager{blas()}")
trainer = None
for line in sys.stdin:
    command = json.loads(line)
    try:
        if command.pop("do") == "prepare":
            steps = command.pop("steps")
            trainer = Trainer(**command)
            answer(losses=[trainer.step() for _ in range(steps)])
        else:
            answer(**trainer.measure(command["seconds"]))
    except Exception as error:  # the parent decides what it means
        answer(failed=f"{type(error).__name__}: {error}".split("\n")[0])
