# SPDX-License-Identifier: MIT
#
# What PyTorch says of cases from standard input: {"layers": [...], "x": rows,
# "label" or "y": rows, "loss": name, "parameter": [...]}, one JSON object a
# line; answers with one a line: {"loss": ..., "gradient": [...]}, parameters in
# the order of the layers, weights before biases. "images": rows are images of
# 2 x 6 x 7. Kernels come as rows (channels out) of height, width, channels in;
# "parameter" of windows is [height, width, stride, padding].
import json
import sys

import torch
import torch.nn.functional as F


def groupsort(z, size):
    if z.dim() == 4:
        last = z.permute(0, 2, 3, 1)
        flat = groupsort(last.reshape(-1, z.shape[1]), size)
        return flat.view(last.shape).permute(0, 3, 1, 2)
    groups = z.view(z.shape[0], -1, int(size) or z.shape[1])
    return groups.sort(dim=2, descending=True)[0].view_as(z)


def conv(z, weight, bias, p):
    kernel = weight.view(weight.shape[0], p[0], p[1], -1).permute(0, 3, 1, 2)
    return F.conv2d(z, kernel, bias, stride=p[2], padding=p[3])


LAYERS = {
    "flatten": lambda z, p: z.flatten(1),
    "max-pool": lambda z, p: F.max_pool2d(z, p[:2], p[2]),
    "average-pool": lambda z, p: F.avg_pool2d(z, p[:2], p[2]),
    "relu": lambda z, p: F.relu(z),
    "leaky-relu": lambda z, p: F.leaky_relu(z, p),
    "abs": lambda z, p: z.abs(),
    "tanh": lambda z, p: torch.tanh(z),
    "sigmoid": lambda z, p: torch.sigmoid(z),
    "elu": lambda z, p: F.elu(z, p),
    "softplus": lambda z, p: F.softplus(z, p, threshold=1e9),
    "groupsort": groupsort,
}

LOSSES = {
    "cross-entropy": lambda z, t, p: F.cross_entropy(p[0] * z, t) / p[0],
    "offset-cross-entropy": lambda z, t, p: p[1] * F.cross_entropy(
        (z - p[0] * F.one_hot(t, z.shape[1])) / p[1], t),
    "multi-margin": lambda z, t, p: F.multi_margin_loss(z, t, margin=p[0]),
    "mse": lambda z, t, p: F.mse_loss(z, t),
    "mae": lambda z, t, p: F.l1_loss(z, t),
}


def answer(case):
    tensor = lambda x: torch.tensor(x, dtype=torch.float64)
    parameters, z = [], tensor(case["x"])
    if case["images"]:
        z = z.view(-1, 2, 6, 7)
    for layer in case["layers"]:
        if "weight" in layer:
            weight = tensor(layer["weight"]).requires_grad_()
            bias = tensor(layer["bias"]).requires_grad_()
            parameters += [weight, bias]
            z = (conv(z, weight, bias, layer["parameter"]) if z.dim() == 4
                 else F.linear(z, weight, bias))
        else:
            z = LAYERS[layer["type"]](z, layer["parameter"])
    classes = "label" in case
    target = torch.tensor(case["label"]) if classes else tensor(case["y"])
    loss = LOSSES[case["loss"]](z, target, case["parameter"])
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in parameters])
    return {"loss": loss.item(), "gradient": gradient.tolist()}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
