"""A report reads well as text, in a notebook and as a truth value."""

from html.parser import HTMLParser

import pytest

from dropout_lab.audit import Finding, Report, Site

FOUND = Finding(
    "sdpa-in-eval", "block (model.py:7)", "It <drops> & drops. " * 12, "Write p if training else 0.", "06 x"
)


def site(number, **changes):
    values = {
        "where": f"layers.{number}",
        "name": "Dropout",
        "kind": "module",
        "p": 0.25,
        "calls": 1,
        "random_in_training": True,
        "random_in_eval": False,
    }
    return Site(**{**values, **changes})


def test_a_report_is_true_when_nothing_was_found():
    assert Report("Net", (), (site(0),))
    assert Report("Net", (), ()).ok
    assert not Report("Net", (FOUND,), ())
    assert not Report("Net", (FOUND,), ()).ok


def test_the_text_holds_code_place_message_fix_and_lesson():
    text = " ".join(str(Report("Net", (FOUND,), (site(0),))).split())
    for part in ("Net: 1 finding, 1 stochastic site.", "1. sdpa-in-eval at block (model.py:7)", "It <drops> & drops."):
        assert part in text
    assert "Fix: Write p if training else 0. Lesson 06 x" in text


def test_lines_of_the_text_are_short():
    assert max(map(len, str(Report("Net", (FOUND,), (site(0),))).splitlines())) <= 100


@pytest.mark.parametrize(
    ("changes", "cells"),
    [
        ({}, ["layers.0", "Dropout", "0.25", "random", "silent"]),
        ({"calls": 0}, ["layers.0", "Dropout", "0.25", "not", "called", "not", "called"]),
        ({"p": None, "random_in_eval": True}, ["layers.0", "Dropout", "random", "random"]),
    ],
)
def test_a_site_is_one_row(changes, cells):
    assert str(Report("Net", (), (site(0, **changes),))).splitlines()[-1].split() == cells


def test_a_long_list_of_sites_is_cut_in_the_text_only():
    report = Report("Net", (), tuple(map(site, range(50))))
    assert "and 20 more" in str(report)
    assert "layers.30 " not in str(report)
    assert len(report.sites) == 50


def test_a_model_without_dropout_is_told_so_politely():
    assert str(Report("Net", (), ())) == "Net: no stochastic site. Nothing in this model drops anything."


def test_the_prompt_shows_the_text():
    report = Report("Net", (FOUND,), ())
    assert repr(report) == str(report)


def test_the_notebook_shows_small_balanced_and_escaped_html():
    class Tags(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open, self.text = [], ""

        def handle_starttag(self, tag, attrs):
            assert not attrs
            self.open += [tag] if tag != "br" else []

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

        def handle_data(self, data):
            self.text += data

    html, parser = Report("Net<T>", (FOUND,), (site(0),))._repr_html_(), Tags()
    parser.feed(html)
    assert parser.open == []
    assert "Net<T>: 1 finding" in parser.text
    assert "It <drops> & drops." in parser.text
    assert len(html) < 2000
