#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The forward pass of the same convolutional network in PyTorch, to hold
tests/bench/networks/forward against: batch 256, one thread. Prints the median
of the CPU seconds of a batch. Usage: forward_torch.py"""
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(1)
net = torch.nn.Sequential(
    torch.nn.Conv2d(1, 16, 3, stride=2, padding=1), torch.nn.ReLU(),
    torch.nn.Conv2d(16, 32, 3, stride=2, padding=1), torch.nn.ReLU(),
    torch.nn.Flatten(), torch.nn.Linear(1568, 100), torch.nn.ReLU(),
    torch.nn.Linear(100, 10)).eval()
x = torch.randn(256, 1, 28, 28)
times = []
with torch.inference_mode():
    for _ in range(60):
        start = time.thread_time()
        net(x)
        times.append(time.thread_time() - start)
print(sorted(times)[len(times) // 2])
