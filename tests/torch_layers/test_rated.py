import copy
import math

import pytest
import torch

from dropout_lab.torch_layers.rated import RatedModule


def test_p_is_checked_when_it_is_set_and_shown():
    module = RatedModule(0.2)
    module.p = 0.4
    for wrong, error in [(math.nan, ValueError), (1.2, ValueError), ("half", TypeError), (True, TypeError)]:
        with pytest.raises(error, match="probability that a unit is dropped"):
            module.p = wrong
    assert (module.p, repr(module)) == (0.4, "RatedModule(p=0.4)")


def test_a_copy_has_a_generator_of_its_own_in_the_same_state():
    module = RatedModule(0.2, torch.Generator().manual_seed(3))
    again = copy.deepcopy(module)
    assert again.generator is not module.generator
    assert torch.equal(torch.rand(3, generator=again.generator), torch.rand(3, generator=module.generator))
