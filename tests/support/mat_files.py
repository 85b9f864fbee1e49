# SPDX-License-Identifier: MIT
#
# Writes the MATLAB files of tests/fuzz/mat.corpus, which are seeds of the
# fuzzer and what tests/unit/formats/mat.c reads:
#
#     /usr/bin/python3 tests/support/mat_files.py tests/fuzz/mat.corpus
#
# The network is 3-4-2 with weight k, row i, column j (7 i + 3 j + k) % 11 - 5
# and bias k, row i (5 i + k) % 7 - 3.
import struct
import sys

import numpy as np
from scipy.io import savemat
from scipy.sparse import csc_matrix

folder = sys.argv[1]
sizes = [3, 4, 2]


def weight(k):
    return np.array(
        [[(7 * i + 3 * j + k) % 11 - 5 for j in range(sizes[k])] for i in range(sizes[k + 1])],
        dtype=float,
    )


def bias(k):
    return np.array([[(5 * i + k) % 7 - 3 for i in range(sizes[k + 1])]], dtype=float)


def cells(parts):
    out = np.empty((1, len(parts)), dtype=object)
    for k, part in enumerate(parts):
        out[0, k] = part
    return out


def save(name, variables, packed=False, **more):
    path = f"{folder}/{name}.mat"
    savemat(path, variables, do_compression=packed, **more)
    with open(path, "r+b") as file:  # the date of writing is no part of it
        file.write(b"MATLAB 5.0 MAT-file".ljust(116))


W, b = [weight(0), weight(1)], [bias(0), bias(1)]
plain = {"W1": W[0], "b1": b[0], "W2": W[1], "b2": b[1]}
save("plain", plain)
save("columns", {"W1": W[0], "b1": b[0].T, "W2": W[1], "b2": b[1].T}, True)
save("cells", {"weights": cells(W), "biases": cells(b)})
save("packed", {"weights": cells(W), "biases": cells(b)}, True)
save("weights", {"weights": cells(W)}, True)
save("single", {key: value.astype(np.float32) for key, value in plain.items()}, True)
save("int8", {key: value.astype(np.int8) for key, value in plain.items()})
save("int16", {key: value.astype(np.int16) for key, value in plain.items()})
save("int64", {key: value.astype(np.int64) for key, value in plain.items()}, True)
save("struct", {"net": {"fc1": {"Weights": W[0], "Bias": b[0]}, "fc2": {"Weights": W[1], "Bias": b[1]}}})
layers = np.array([(W[0], b[0]), (W[1], b[1])], dtype=[("W", object), ("b", object)]).reshape(1, 2)
save("structs", {"layers": layers}, True)
save("passed-over", {**plain, "note": "trained on Monday", "done": np.array([[True]]), "history": np.zeros((0, 0))})
save("transposed", {key: value.T for key, value in plain.items()})
save("sparse", {**plain, "W2": csc_matrix(W[1])})
save("complex", {**plain, "W2": W[1] * 1j})
save("four", {**plain, "W2": np.zeros((3, 3, 2, 2))})
save("huge", {**plain, "W2": np.full((2, 4), 2**60 + 1)})
save("not-finite", {**plain, "b2": np.array([[1, np.inf]])})
deep = W[0]
for _ in range(12):
    deep = cells([deep])
save("deep", {"weights": deep})
save("zeros", {"W1": np.zeros((300, 300))}, True)


def element(kind, data):
    return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def matrix(name, value, code="d", kind=9):
    flags = element(6, struct.pack(">II", 6, 0))
    numbers = struct.pack(f">{value.size}{code}", *value.T.astype(code).ravel())
    return element(14, flags + element(5, struct.pack(">2i", *value.shape)) + element(1, name.encode()) + element(kind, numbers))


header = b"MATLAB 5.0 MAT-file".ljust(116) + b"\0" * 8
with open(f"{folder}/big.mat", "wb") as file:
    kinds = [("d", 9), ("f", 7), ("h", 3), ("b", 1)]
    parts = [matrix(name, value, *kind) for (name, value), kind in zip(plain.items(), kinds)]
    file.write(header + b"\1\0MI" + b"".join(parts))
with open(f"{folder}/hdf5.mat", "wb") as file:
    text = b"MATLAB 7.3 MAT-file".ljust(116) + b"\0" * 8
    file.write((text + b"\0\2IM").ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n")
