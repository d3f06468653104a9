"""The paired t interval against SciPy, a published example, and what must hold for any data."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.quality.distributions import t_quantile, t_upper_tail
from airflow_provider_arize_tasks.quality.statistics import Estimate, estimate_mean, paired_differences

scores = st.floats(min_value=-10, max_value=10, allow_nan=False).map(lambda score: round(score, 6))
samples = st.lists(scores, min_size=2, max_size=60)


@pytest.mark.parametrize("freedom", [1, 2, 5, 9, 30, 119, 1_000, 50_000])
@pytest.mark.parametrize("probability", [0.5, 0.75, 0.95, 0.975, 0.99, 0.9975, 0.9999])
def test_quantile_of_students_t_is_scipys(probability: float, freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 3, 29, 999])
@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 2.5, 8.0, 40.0])
def test_tail_of_students_t_is_scipys(t: float, freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_upper_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-8)


def half_width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return (estimate.high - estimate.low) / 2


@given(samples, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_and_p_value_are_those_of_scipys_one_sample_test(values: list[float], confidence: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assume(max(values) - min(values) > 1e-3)
    ours = estimate_mean(values, confidence=confidence)
    theirs = stats.ttest_1samp(values, 0)
    interval = theirs.confidence_interval(confidence)
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-7, abs=1e-9)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


def test_students_sleep_data() -> None:
    """The example Student published the test with (Biometrika 6, 1908): hours of sleep gained with two drugs.

    The figures are those every textbook gives for it: mean difference 1.58, t = 4.0621 with 9 degrees of freedom,
    p = 0.002833, 95 percent interval 0.70 to 2.46.
    """
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    patients = [str(number) for number in range(10)]
    differences = paired_differences(dict(zip(patients, second, strict=True)), dict(zip(patients, first, strict=True)))
    change = estimate_mean(differences.values(), confidence=0.95)
    assert change is not None
    assert change.mean == pytest.approx(1.58)
    assert change.p_value == pytest.approx(0.002833, abs=5e-7)
    assert change.low == pytest.approx(0.7001142, abs=5e-7)
    assert change.high == pytest.approx(2.4598858, abs=5e-7)


@given(st.lists(st.tuples(scores, scores), min_size=2, max_size=60))
def test_swapping_the_sides_flips_the_sign_and_nothing_else(pairs: list[tuple[float, float]]) -> None:
    one = {str(index): pair[0] for index, pair in enumerate(pairs)}
    other = {str(index): pair[1] for index, pair in enumerate(pairs)}
    there = estimate_mean(paired_differences(one, other).values())
    back = estimate_mean(paired_differences(other, one).values())
    assert there is not None
    assert back is not None
    assert back.mean == -there.mean
    assert back.p_value == there.p_value
    if there.low is not None and there.high is not None:
        assert (back.low, back.high) == (-there.high, -there.low)
    else:
        assert back.low is None


@given(samples, st.integers(min_value=2, max_value=8))
def test_more_noise_of_the_same_shape_widens_the_interval(values: list[float], factor: int) -> None:
    mean = math.fsum(values) / len(values)
    assume(max(values) - min(values) > 1e-3)
    quiet = estimate_mean(values)
    noisy = estimate_mean([mean + factor * (value - mean) for value in values])
    assert quiet is not None
    assert noisy is not None
    assert half_width(noisy) == pytest.approx(factor * half_width(quiet), rel=1e-6)


@given(samples, st.floats(min_value=0.01, max_value=3))
def test_noise_that_leaves_the_mean_alone_widens_the_interval(values: list[float], noise: float) -> None:
    doubled = [value for value in values for _ in range(2)]
    shaken = [value + (noise if index % 2 else -noise) for index, value in enumerate(doubled)]
    quiet, noisy = estimate_mean(doubled), estimate_mean(shaken)
    assert quiet is not None
    assert noisy is not None
    assert noisy.mean == pytest.approx(quiet.mean, abs=1e-9)
    assert quiet.low is None or half_width(noisy) > half_width(quiet)


@given(samples)
def test_more_examples_of_the_same_kind_narrow_the_interval(values: list[float]) -> None:
    assume(max(values) - min(values) > 1e-3)
    few, many = estimate_mean(values), estimate_mean(values * 4)
    assert few is not None
    assert many is not None
    assert half_width(many) < half_width(few)


@given(samples)
def test_the_order_of_the_examples_does_not_matter(values: list[float]) -> None:
    assert estimate_mean(values) == estimate_mean(sorted(values))


class TestWhereTheValuesSayNothingAboutTheirNoise:
    def test_no_value_gives_no_estimate(self) -> None:
        assert estimate_mean([]) is None

    def test_one_value_gives_a_mean_without_an_interval(self) -> None:
        one = estimate_mean([0.4])
        assert one is not None
        assert (one.mean, one.low, one.high) == (0.4, None, None)
        assert not one.is_below_zero
        assert not one.is_above_zero

    @pytest.mark.parametrize("count", [1, 2, 500])
    def test_no_difference_at_all_is_certainly_no_change(self, count: int) -> None:
        same = estimate_mean([0.0] * count)
        assert same is not None
        assert (same.mean, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
        assert not same.is_below_zero

    @pytest.mark.parametrize(("count", "certain"), [(2, False), (5, False), (6, True), (40, True)])
    def test_equal_differences_count_once_chance_is_rarer_than_the_level(self, count: int, certain: bool) -> None:
        fallen = estimate_mean([-1.0] * count, confidence=0.95)
        assert fallen is not None
        assert fallen.is_below_zero is certain

    def test_rounding_is_not_a_spread(self) -> None:
        steps = [0.3 - 0.2, 0.8 - 0.7, 0.4 - 0.3]  # equal but for the last digits
        assert len(set(steps)) > 1
        change = estimate_mean(steps)
        assert change is not None
        assert change.low is None


def test_a_probability_outside_the_upper_half_is_an_error() -> None:
    with pytest.raises(ValueError, match="probability"):
        t_quantile(0.4, 5)
    with pytest.raises(ValueError, match="probability"):
        t_quantile(1.0, 5)
