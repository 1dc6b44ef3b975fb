"""How many samples are computed at once."""

from __future__ import annotations

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
