# SPDX-License-Identifier: MIT
#
# Bodies of requests: networks, files, forms and data that are right, and what
# becomes of them when something is changed.
import json
from pathlib import Path

ODD = [None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 2 ** 31,
       2 ** 53, 2 ** 63, 2 ** 64, 10 ** 30, "", "a", "inf", "NaN", "1e5",
       "dense", "all", "\u0000", "\ud83d\ude00", "a" * 2000, "../../etc/passwd",
       [], [[]], [[[]]], {}, [1], [None], {"type": "relu"}, {"id": "x"},
       [0] * 100, ["a", "a"], {"": ""}, "sha256:" + "0" * 64]
ACTIVATIONS = ["relu", "tanh", "sigmoid", "elu", "leaky-relu", "softplus",
               "gelu", "silu", "identity", "abs", "softsign", "max-min"]


class Corpus:
    """Files under tests/fuzz, by the reader that they were made for."""

    def __init__(self, folder):
        self.files = {}
        for path in sorted(Path(folder).glob("*.corpus/*")):
            data = path.read_bytes()
            if len(data) < 20000:
                self.files.setdefault(path.parent.stem, []).append(data)

    def model(self, rng):
        kind = rng.choice(["json", "npy", "npz", "onnx", "safetensors",
                           "torch", "mat", "envelope"])
        return rng.choice(self.files[kind])

    def of(self, kind, rng):
        data = rng.choice(self.files[kind])
        # dataset.corpus has options on lines before the file.
        while kind == "dataset" and data[:1] in b"?!:" and b"\n" in data:
            data = data.split(b"\n", 1)[1]
        return data


# --- what is right

def matrix(rng, rows, columns):
    number = rng.choice([lambda: round(rng.gauss(0, 1), 2),
                         lambda: rng.gauss(0, 1), lambda: rng.randint(-1, 1)])
    return [[number() for _ in range(columns)] for _ in range(rows)]


def chain(rng):
    """A network of dense layers and activations."""
    layers, width = [], rng.randint(1, 4)
    for i in range(rng.randint(1, 3)):
        if i:
            layers.append({"type": rng.choice(ACTIVATIONS)})
        rows = 2 * rng.randint(1, 3)
        layers.append({"type": "dense", "weight": matrix(rng, rows, width)})
        if rng.random() < 0.4:
            layers[-1]["bias"] = matrix(rng, 1, rows)[0]
        if rng.random() < 0.1:
            layers[-1]["dtype"] = rng.choice(["float32", "float16"])
        width = rows
    return {"layers": layers}


def image(rng):
    """A network with windows, and perhaps a skip connection."""
    channels, size = rng.randint(1, 2), rng.randint(3, 5)
    kernel = [[matrix(rng, 3, 3) for _ in range(channels)]
              for _ in range(channels)]
    layers = [{"type": "conv", "name": "c", "weight": kernel, "padding": 1}]
    if rng.random() < 0.5:
        layers.append({"type": "relu", "name": "r"})
    if rng.random() < 0.5:
        layers.append({"type": "add", "inputs": [layers[-1]["name"], "input"]})
    layers.append({"type": rng.choice(["flatten", "max-pool", "average-pool",
                                       "softmax", "layer-norm", "upsample",
                                       "batch-norm", "relu"])})
    return {"input": [channels, size, size], "layers": layers}


def network(rng):
    return chain(rng) if rng.random() < 0.75 else image(rng)


def options(rng, schemas):
    made = schemas.value({"$ref": "#/components/schemas/Options"}, rng)
    if "methods" in made:
        made["methods"] = rng.choice(["auto", "all", ["spectral"],
                                      ["closed-form", "midpoint"], "lipsdp",
                                      ["naive", "absolute", "eclipse"]])
    for name in ("activation", "layout"):  # of other files
        if rng.random() < 0.9:
            made.pop(name, None)
    if "activation" in made:
        made["activation"] = rng.choice(ACTIVATIONS)
    if "time_limit" in made:
        made["time_limit"] = rng.choice([0.01, 0.1, 1])
    return made


def training(rng, ids):
    data = rng.choice([
        {"generate": "two-moons", "samples": 20},
        {"generate": "triangle", "samples": 16, "noise": 0.1},
        {"inline": {"x": matrix(rng, 6, 2), "y": [0, 1, 0, 1, 0, 1]}},
        {"id": ids["dataset"](rng)}])
    layers = [{"type": "dense", "units": 4}, {"type": "relu"},
              {"type": "dense", "units": 1 if "triangle" in str(data) else 2}]
    model = {"id": ids["model"](rng)} if rng.random() < 0.2 \
        else {"layers": layers}
    return {"dataset": data, "model": model, "epochs": rng.randint(1, 2),
            "constraint": {"method": rng.choice(
                ["projection", "rank-one-clip", "normalisation", "none"]),
                "lipschitz": rng.choice([0.5, 1, 10])}}


def table(rng):
    """A data set as csv."""
    rows = [["a", "b", "y"]] + [
        [*row, rng.choice(["u", "v"])] for row in matrix(rng, 5, 2)]
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


def pair(rng):
    """A data set as an idx pair: parts of a form."""
    return [("images", bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2]) +
             rng.randbytes(16)),
            ("labels", bytes([0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 1]))]


def form(parts, rng):
    """A multipart body and its type."""
    mark = "x%08x" % rng.getrandbits(32)
    out = b""
    for name, data in parts:
        out += (f"--{mark}\r\nContent-Disposition: form-data; name=\"{name}\""
                f"; filename=\"{name}.bin\"\r\n"
                "Content-Type: application/octet-stream\r\n\r\n").encode()
        out += data + b"\r\n"
    return out + f"--{mark}--\r\n".encode(), \
        f"multipart/form-data; boundary={mark}"


def text(value):
    return json.dumps(value).encode()


# --- what is changed

def spots(value, at=()):
    """Every place in a document: the way there."""
    yield at
    items = value.items() if isinstance(value, dict) else \
        enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from spots(item, at + (key,))


def change(value, rng):
    """A document with one place of it changed."""
    value = json.loads(json.dumps(value))
    way = rng.choice(list(spots(value)))
    if not way:
        return rng.choice(ODD)
    parent = value
    for key in way[:-1]:
        parent = parent[key]
    key, kind = way[-1], rng.random()
    if kind < 0.6:
        parent[key] = rng.choice(ODD)
    elif kind < 0.75:
        del parent[key]
    elif isinstance(parent, list):
        parent.insert(key, rng.choice(ODD + [parent[key]] * 10))
    elif kind < 0.9:
        parent[key + rng.choice("s_X ")] = parent.pop(key)
    else:
        parent[rng.choice(["x", "id", "model", "norm"])] = rng.choice(ODD)
    return value


def damage(data, rng):
    """Bytes with a few of them changed."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        kind = rng.random()
        if kind < 0.4 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind < 0.6:
            del data[at:at + rng.choice([1, 2, 8, 1000])]
        elif kind < 0.8:
            data[at:at] = rng.choice([
                b"\0", b"\xff" * 8, b"{", b"]", b",", b'"', b"\\u0000", b"1e999",
                b"-", b"NaN", b"\r\n", bytes(rng.randrange(256)
                                             for _ in range(4))])
        else:
            data[at:at] = data[at:at + rng.choice([1, 20, 200])]
    return bytes(data)

