"""Statistics of claims: equivalence, verdicts, several seeds; times with their spread."""

import time

import numpy as np
import pytest
from scipy import stats

from sentipress.evaluation import latency, statistics
from sentipress.evaluation.latency import Clocked, shown


def pair(texts, lost, won, right=0.9):
    """Two models' right answers: the base has a share, the model loses some and wins some others."""
    base = np.arange(texts) < right * texts
    model = base.copy()
    model[:lost] = False
    model[texts - won :] = True
    return model, base


def test_equivalence_is_two_one_sided_t_tests():
    model, base = pair(10_000, 60, 40)
    gained = model.astype(float) - base
    error = gained.std(ddof=1) / np.sqrt(len(gained))
    found = statistics.equivalence_p(model, base)
    assert found["no_worse"] == pytest.approx(stats.t.sf((gained.mean() + 0.005) / error, 9_999))
    assert found["no_better"] == pytest.approx(stats.t.cdf((gained.mean() - 0.005) / error, 9_999))
    assert found["equal"] == max(found["no_worse"], found["no_better"])
    assert statistics.equivalence_p(base, base)["equal"] == pytest.approx(0.995**10_000)
    few = np.ones(20, bool)  # on which nothing differs, and from which nothing follows
    assert statistics.equivalence_p(few, few)["no_worse"] == pytest.approx(0.995**20) and 0.995**20 > 0.9
    always = np.ones(50, bool)
    assert statistics.equivalence_p(~always, always)["no_worse"] == 1.0


@pytest.mark.parametrize(
    ("lost", "won", "expected"),
    [(0, 0, "no worse"), (60, 40, "no worse"), (30, 0, "no worse"), (200, 100, "worse"), (300, 270, "undecided"), (100, 300, "no worse")],
)
def test_a_verdict_rules_out_a_loss_of_half_a_point(lost, won, expected):
    model, base = pair(10_000, lost, won)
    p, p_no_worse = statistics.mcnemar_p(model, base), statistics.equivalence_p(model, base)["no_worse"]
    assert statistics.verdict(statistics.difference(model, base)["value"], p, p_no_worse) == expected


def test_few_texts_decide_nothing():
    model, base = pair(100, 3, 3)
    p, p_no_worse = statistics.mcnemar_p(model, base), statistics.equivalence_p(model, base)["no_worse"]
    assert p == 1.0 and statistics.verdict(0.0, p, p_no_worse) == "undecided"  # "not significant" is not "no worse"


def test_seeds_that_agree_leave_the_error_of_the_texts():
    gained = np.tile(np.random.default_rng(0).choice([-1, 0, 1], 2_000, p=[0.04, 0.9, 0.06]), (3, 1))
    found = statistics.over_seeds(gained)
    half = stats.t.ppf(0.975, 1_999) * gained[0].std(ddof=1) / np.sqrt(2_000)
    assert found["sd_seeds"] == 0 and found["value"] == pytest.approx(gained.mean())
    assert (found["low"], found["high"]) == pytest.approx((gained.mean() - half, gained.mean() + half))
    assert found["p"] == pytest.approx(stats.ttest_1samp(gained[0], 0).pvalue)


def test_seeds_that_disagree_make_the_interval_wide():
    random = np.random.default_rng(0)
    agree = np.stack([random.choice([-1, 0, 1], 5_000, p=[0.03, 0.93, 0.04]) for _ in range(3)])
    disagree = np.stack([random.choice([-1, 0, 1], 5_000, p=[0.035 - shift, 0.93, 0.035 + shift]) for shift in (-0.01, 0.005, 0.02)])
    narrow, wide = statistics.over_seeds(agree), statistics.over_seeds(disagree)
    assert wide["high"] - wide["low"] > 3 * (narrow["high"] - narrow["low"]) and wide["sd_seeds"] > 0.01
    assert wide["p"] > 0.05 and wide["p_no_worse"] > 0.05


def test_the_interval_over_seeds_and_texts_covers_what_it_should():
    random, covered, rounds = np.random.default_rng(1), 0, 300
    for _ in range(rounds):
        effects = random.normal(0, 0.01, (4, 1)) + random.normal(0, 0.3, (1, 400)) + random.normal(0, 0.3, (4, 400))
        found = statistics.over_seeds(effects)
        covered += found["low"] <= 0 <= found["high"]
    assert 0.92 <= covered / rounds <= 1.0


@pytest.mark.parametrize("value", [0, 1])
def test_seeds_without_any_difference(value):
    found = statistics.over_seeds(np.full((3, 40), value))
    assert found["low"] == found["value"] == found["high"] == value
    assert (found["p"], found["p_no_worse"]) == (float(value == 0), pytest.approx(0.995**40))
    with pytest.raises(ValueError, match="at least two of each"):
        statistics.over_seeds(np.full((1, 40), value))


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (22.8, 20.1, 25.3, "23"),
        (0.0464, 0.044, 0.049, "0.046"),
        (18.26, 18.2, 18.3, "18.3"),
        (0.74, 0.49, 0.81, "0.7"),
        (89.2, 40, 95, "89"),
        (1234.5, 1000, 1300, "1,234"),
        (1.3456, None, None, "1.3"),
        (0.5, 0.5, 0.5, "0.500"),
        (0.0, 0.0, 0.0, "0"),
    ],
)
def test_a_time_has_the_digits_that_its_spread_supports(value, low, high, text):
    assert shown(value, low, high) == text


def test_models_are_timed_in_turns_at_both_lengths():
    calls = []

    def sleeper(name, seconds):
        def call(review):
            calls.append((name, review))
            time.sleep(seconds)

        return call

    reviews = ["a", "b"]
    models = {
        "base": Clocked(sleeper("base", 0.004), sleeper("base padded", 0.008), reviews),
        "fast": Clocked(sleeper("fast", 0.001), sleeper("fast", 0.001), reviews),
    }
    found = latency.measure(models, "base")
    timed = calls[-len(models) * len(reviews) * latency.ROUNDS :]
    assert timed == [("base", "a"), ("fast", "a"), ("base", "b"), ("fast", "b")] * latency.ROUNDS
    base, fast = found["base"], found["fast"]
    assert base["ratio_to_base"] == base["ratio_low"] == base["ratio_high"] == 1.0 and fast["runs"] == 6
    assert fast["ratio_low"] <= fast["ratio_to_base"] <= fast["ratio_high"] and base["p50_low_ms"] <= base["p50_ms"] <= base["p50_high_ms"]
    assert base["padded_p50_ms"] > base["p50_ms"]
