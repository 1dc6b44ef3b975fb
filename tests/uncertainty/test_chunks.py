"""Chunks are as many samples as the cache and the memory hold, and use the same memory again."""

import platform
import subprocess
import sys

import pytest

from dropout_lab.uncertainty.chunks import CACHE, chunk_size


def test_a_chunk_fits_the_cache_and_the_memory_and_holds_at_least_one_sample():
    assert chunk_size(CACHE // 8, CACHE, 2**40) == 8
    assert chunk_size(CACHE // 8, CACHE, 3 * CACHE) == 3
    assert chunk_size(10 * CACHE, 10 * CACHE, 1) == 1


FAULTS = """
import resource, sys
import torch
from dropout_lab.uncertainty.chunks import keep_freed

keep_freed(int(sys.argv[1]))
counts = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.zeros(2**18) for _ in range(8)]  # of a MiB each, 256 pages
    del blocks
    counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sum(counts[1:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the C library of Linux")
def test_memory_of_a_chunk_is_kept_for_the_next():
    def faults(n_bytes):
        command = [sys.executable, "-c", FAULTS, str(n_bytes)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults(8 * 2**20) < 2048 < faults(1)  # half of the pages, touched twice more
