import re

import pytest

from parity_table import PAGE, SECTIONS, page, section

STORED = dict(zip(SECTIONS, re.split(r"(?m)^(?=## )", PAGE.read_text(encoding="utf-8"))[1:], strict=True))


@pytest.mark.parametrize("title", SECTIONS)
def test_the_page_says_what_the_comparisons_find(title):
    assert STORED[title].rstrip("\n").splitlines() == section(title).rstrip("\n").splitlines()


def test_the_page_is_its_head_and_its_sections_and_names_the_version_of_torch_that_ran():
    assert PAGE.read_text(encoding="utf-8") == page(text.rstrip("\n") + "\n" for text in STORED.values())
