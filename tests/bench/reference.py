# SPDX-License-Identifier: MIT
"""CPU seconds of ECLipsE-Fast in an unproven NumPy program, medians:

    reference.py PROGRAM NET.npz...     prints a line for each network:
    bound, seconds as the program makes it, seconds of its multipliers alone

PROGRAM is the file of that program, with load, compress, eclipse_fast (one pass
that chooses the multipliers) and recursion (one more, which evaluates them)."""
import importlib.util
import statistics
import sys
import time


def median(work, seconds=1.5, least=5):
    work()
    taken = []
    while len(taken) < least or sum(taken) < seconds:
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return statistics.median(taken)


spec = importlib.util.spec_from_file_location("program", sys.argv[1])
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
for path in sys.argv[2:]:
    weights = program.load(path)

    def bound():
        small = program.compress(weights)
        return program.recursion(small, program.eclipse_fast(small))

    def multipliers():
        program.eclipse_fast(program.compress(weights))

    print(repr(float(bound())), median(bound), median(multipliers), flush=True)
