"""That each goal is judged by its own figures, and by nothing where there are none."""

import pytest

from export.speed.goals import GOALS, HD, Goal, judged

RATIO = Goal("times as fast", 40, (HD, "cyclegan", "seconds"), (HD, "default", "seconds"))
PEAK = Goal("MB", 150, (HD, "default", "peak_megabytes"), at_most=True)


@pytest.mark.parametrize("seconds, met", [(0.5, True), (0.6, False)])
def test_a_ratio_must_be_at_least(seconds, met):
    results = {HD: {"cyclegan": {"seconds": 21.0}, "default": {"seconds": seconds}}}
    assert RATIO.found(results) == pytest.approx(21 / seconds) and RATIO.met(RATIO.found(results)) is met


@pytest.mark.parametrize("megabytes, met", [(150, True), (151, False)])
def test_a_figure_must_be_at_most(megabytes, met):
    assert PEAK.met(PEAK.found({HD: {"default": {"peak_megabytes": megabytes}}})) is met


@pytest.mark.parametrize("results", [{}, {HD: {}}, {HD: {"default": {"problem": "left out"}, "cyclegan": {"seconds": 1}}}])
def test_what_was_not_measured_is_neither_met_nor_missed(results):
    assert RATIO.met(RATIO.found(results)) is None and PEAK.met(PEAK.found(results)) is None
    assert all(goal["met"] is None for goal in judged(results))


def test_goals_are_different():
    assert len({(goal.words, goal.at_most) for goal in GOALS}) == len(GOALS)
