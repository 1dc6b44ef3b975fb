"""How many samples are computed at once, and in which memory."""

from __future__ import annotations

import torch

CACHE = 2**22  # bytes that the largest value of a chunk may take: more leaves the cache, fewer are not worth a call


def chunk_size(largest: int, per_sample: int, max_memory: int) -> int:
    """Samples of a chunk, at least 1.

    Parameters
    ----------
    largest : int
        Bytes of the largest value of one sample.
    per_sample : int
        Bytes of all values of one sample that are held at the same time.
    max_memory : int
        Bytes that a chunk may hold at the same time.
    """
    return max(1, min(CACHE // max(largest, 1), max_memory // max(per_sample, 1)))


def keep_freed(n_bytes: int) -> None:
    """Let the C library keep so much memory, at most 31 MiB, for the next chunk when one is done.

    The one of Linux hands large blocks back to the system as they are freed, and each of their pages costs a
    microsecond or two when it is touched again. It keeps what is no larger than the largest block that was freed yet.
    """
    torch.empty(min(n_bytes, 31 * 2**20), dtype=torch.uint8)  # never touched, so it takes no memory
