# SPDX-License-Identifier: MIT
"""The norm of a convolution on a grid of frequencies, one SVD each, in NumPy:

    norms_numpy.py KERNEL CHANNELS SIZE     prints norm and CPU seconds

KERNEL: a file of doubles, CHANNELS x CHANNELS x 3 x 3. Medians."""
import statistics
import sys
import time

import numpy

channels, size = int(sys.argv[2]), int(sys.argv[3])
kernel = numpy.fromfile(sys.argv[1]).reshape(channels, channels, 3, 3)


def norm():
    symbol = numpy.fft.fft2(kernel, (size, size), axes=(2, 3))
    symbol = symbol.transpose(2, 3, 0, 1)
    return numpy.linalg.svd(symbol, compute_uv=False).max()


norm()
taken = []
for _ in range(5):
    start = time.thread_time()
    value = norm()
    taken.append(time.thread_time() - start)
print(repr(float(value)), statistics.median(taken))
