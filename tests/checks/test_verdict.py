from dropout_lab.checks import check
from dropout_lab.checks.verdict import Verdict


def test_a_passed_verdict_is_one_line():
    assert str(Verdict("01-a", "passed")) == "01-a  passed"


def test_a_named_slip_says_what_was_seen_expected_and_meant_with_a_hint_and_a_section():
    message = check("01-a", lambda shape, p, rng: rng.random(shape) < p).message
    lines = [line.partition(":")[0] for line in message.splitlines()]
    assert lines == ["Seen", "Expected", "Usually", "Hint", "Reread"]


def test_what_a_notebook_shows_is_escaped():
    html = Verdict("01-a", "failed", "slip", "Seen: <b> & co")._repr_html_()
    assert "&lt;b&gt; &amp; co" in html


def test_message_and_diagnosis_are_there_to_be_read():
    verdict = check("02-c", lambda p, n_layers: 1 / (1 - p))
    assert (verdict.exercise, verdict.status, verdict.diagnosis) == ("02-c", "failed", "one-layer-only")
