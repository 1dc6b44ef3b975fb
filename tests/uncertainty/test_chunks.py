from dropout_lab.uncertainty.chunks import CACHE, chunk_size


def test_a_chunk_fits_the_cache_and_the_memory_and_holds_at_least_one_sample():
    assert chunk_size(CACHE // 8, CACHE, 2**40) == 8
    assert chunk_size(CACHE // 8, CACHE, 3 * CACHE) == 3
    assert chunk_size(10 * CACHE, 10 * CACHE, 1) == 1
