#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Epoch times of the same training in PyTorch, to hold tests/bench/train
against: MNIST 784-256-128-10, MaxMin, batch 128, Adam, one thread; plain, and
with the largest singular value of each matrix clipped after each step (one
warm round of power iteration); and, plain, two convolutions (16 and 32 filters
of 5 x 5, stride 2), 100, 10. Prints "plain SECONDS", "rank-one SECONDS" and
"images SECONDS", CPU time of the fastest of three epochs (images: two). Usage:
train_torch.py FOLDER"""
import gzip
import sys
import time

import numpy as np
import torch


def read(path):
    with gzip.open(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


class MaxMin(torch.nn.Module):
    def forward(self, x):
        a, b = x.view(x.shape[0], -1, 2, *x.shape[2:]).unbind(2)
        return torch.stack((torch.max(a, b), torch.min(a, b)), 2).view_as(x)


def make():
    torch.manual_seed(1)
    layers = [torch.nn.Linear(784, 256), MaxMin(), torch.nn.Linear(256, 128),
              MaxMin(), torch.nn.Linear(128, 10)]
    for layer in layers[::2]:
        torch.nn.init.orthogonal_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return torch.nn.Sequential(*layers)


def make_images():
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 28, 28)),
        torch.nn.Conv2d(1, 16, 5, 2, 2), MaxMin(),
        torch.nn.Conv2d(16, 32, 5, 2, 2), MaxMin(), torch.nn.Flatten(),
        torch.nn.Linear(32 * 49, 100), MaxMin(), torch.nn.Linear(100, 10))


def hinge(z, y):
    right = z.gather(1, y[:, None]).squeeze(1)
    rival = z.scatter(1, y[:, None], -np.inf).amax(1)
    return torch.relu(1 - right + rival).mean()


@torch.no_grad()
def clip(weight, v):
    u = torch.mv(weight, v)
    u /= u.norm() + 1e-12
    t = torch.mv(weight.t(), u)
    s = t.norm()
    v.copy_(t / (s + 1e-12))
    if s > 1:
        weight.addr_(u, v, alpha=float(1 - s))


def epoch(model, optimiser, x, y, warm):
    start = time.process_time()
    for rows in torch.randperm(len(x)).split(128):
        optimiser.zero_grad(set_to_none=True)
        hinge(model(x[rows]), y[rows]).backward()
        optimiser.step()
        for layer, v in zip(list(model)[::2], warm):
            clip(layer.weight, v)
    return time.process_time() - start


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    images = read(folder + "/train-images-idx3-ubyte.gz")
    x = torch.tensor(images.reshape(len(images), -1) / np.float32(255))
    y = torch.tensor(read(folder + "/train-labels-idx1-ubyte.gz").astype(np.int64))
    for name, clips in (("plain", False), ("rank-one", True)):
        model = make()
        adam = torch.optim.Adam(model.parameters(), 1e-3)
        warm = [torch.randn(w.weight.shape[1]) for w in list(model)[::2]] if clips else []
        print(name, min(epoch(model, adam, x, y, warm) for _ in range(3)), flush=True)
    model = make_images()
    adam = torch.optim.Adam(model.parameters(), 1e-3)
    print("images", min(epoch(model, adam, x, y, []) for _ in range(2)), flush=True)


main()
