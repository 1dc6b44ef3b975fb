import re

import numpy as np
import pytest

from dropout_lab.arguments_sequence import (
    require_attention_shapes,
    require_example_axes,
    require_int_axis,
    require_time_axis,
    require_tokens,
)


@pytest.mark.parametrize(("shape", "axes"), [((3, 4), (1,)), ((3, 4, 5, 6), (1, 2, 3))])
def test_an_example_shares_every_axis_but_the_first(shape, axes):
    assert require_example_axes(shape) == axes


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_branch_without_batch_axis_is_an_error_that_says_so(shape):
    with pytest.raises(ValueError, match=re.escape(f"(N, *); got {shape}. A single example needs its batch axis")):
        require_example_axes(shape)


@pytest.mark.parametrize(("time_axis", "axes"), [(0, (0,)), (1, (1,)), (-2, (1,)), (-3, (0,))])
def test_a_time_axis_is_counted_from_either_end(time_axis, axes):
    assert require_time_axis((3, 4, 5), time_axis) == axes


def test_a_sequence_without_batch_axis_is_an_error_that_says_so():
    with pytest.raises(ValueError, match=re.escape("got (7, 5). A single sequence (L, D) needs its batch axis")):
        require_time_axis((7, 5), 1)


def test_a_time_axis_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="time_axis is a tuple of axes of an array with 3 axes"):
        require_time_axis((3, 4, 5), 3)


@pytest.mark.parametrize("time_axis", [True, 1.0, "time", (1,), None])
def test_a_time_axis_is_an_int(time_axis):
    with pytest.raises(TypeError, match=re.escape("1 for (N, L, D), 0 for (L, N, D)")):
        require_int_axis(time_axis)


def test_attention_has_a_weight_for_each_query_and_key():
    assert require_attention_shapes((2, 7, 3, 4), (2, 7, 5, 4), (2, 7, 5, 6)) == (2, 7, 3, 5)


@pytest.mark.parametrize(
    "shapes",
    [((3, 4), (5, 4), (6, 6)), ((3, 4), (5, 3), (5, 6)), ((2, 3, 4), (1, 5, 4), (2, 5, 6)), ((4,), (5, 4), (5, 6))],
)
def test_attention_of_shapes_that_do_not_fit_is_an_error(shapes):
    with pytest.raises(ValueError, match=re.escape("with the same batch axes; got ")):
        require_attention_shapes(*shapes)


def test_tokens_are_rows_of_the_table_of_word_types():
    tokens = np.array([[0, 4, 2]])
    assert require_tokens(tokens, 5) is tokens
    with pytest.raises(ValueError, match="tokens lie in 0 … 3"):
        require_tokens(tokens, 4)
    with pytest.raises(ValueError, match="got -1 to 3"):
        require_tokens(tokens - 1, 5)
