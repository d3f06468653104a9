"""The variance between experiments, the slow test, clusters and shares, against SciPy, numpy and published figures."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_arize_tasks.quality import drift as slow
from airflow_provider_arize_tasks.quality.distributions import normal_score, t_quantile
from airflow_provider_arize_tasks.quality.statistics import estimate_mean, estimate_score, mean_error, wilson
from airflow_provider_arize_tasks.quality.variation import (
    ASSUMED_EXPERIMENTS,
    ASSUMED_MOOD,
    Level,
    between_experiments,
    change_of,
    levels,
    selection,
)
from dev.benchmarks import experiment_worlds as simulation

stats = pytest.importorskip("scipy.stats")
np = pytest.importorskip("numpy")


def by_id(values: list[float]) -> dict[str, float]:
    return {str(index): value for index, value in enumerate(values)}


class TestShares:
    @pytest.mark.parametrize("confidence", [0.8, 0.95, 0.995])
    @pytest.mark.parametrize(("successes", "count"), [(0, 10), (10, 10), (1, 25), (81, 100), (499, 500)])
    def test_wilson_is_scipys(self, successes: int, count: int, confidence: float) -> None:
        ours = wilson(successes, count, confidence=confidence)
        theirs = stats.binomtest(successes, count).proportion_ci(confidence, method="wilson")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)

    def test_a_share_of_one_is_not_certain(self) -> None:
        found = estimate_score(by_id([1.0] * 20))
        assert found is not None
        assert found.low == pytest.approx(0.839, abs=1e-3)
        assert found.high == 1.0

    def test_bonett_and_prices_example(self) -> None:
        """Their table 3 (Statistics in Medicine 31, 2012) adds one to each of the two cells of change.

        With 100 pairs, of which 5 worsened and 1 improved, the centre is (1 - 5) / 102, and so on by their formula.
        """
        differences = by_id([-1.0] * 5 + [1.0] + [0.0] * 94)
        error = mean_error(differences, are_shares=True)
        assert error is not None
        p12, p21 = (1 + 1) / 102, (5 + 1) / 102
        assert error.center == pytest.approx(p12 - p21)
        assert error.variance == pytest.approx((p12 + p21 - (p12 - p21) ** 2) / 101, rel=1e-12)
        assert error.mean == pytest.approx(-0.04)


class TestClusters:
    def test_the_error_is_that_of_the_sandwich(self) -> None:
        """Liang and Zeger's estimator for a mean, written with matrices."""
        random = Random(4)
        values = [random.gauss(0, 1) for _ in range(60)]
        groups = [str(index // 4 if index < 40 else index) for index in range(60)]
        error = mean_error(by_id(values), clusters=by_id(groups))  # type: ignore[arg-type]
        x, y = np.ones((60, 1)), np.array(values)
        residuals = y - y.mean()
        meat = np.zeros((1, 1))
        for group in sorted(set(groups)):
            rows = [index for index, each in enumerate(groups) if each == group]
            score = x[rows].T @ residuals[rows]
            meat += np.outer(score, score)
        bread = np.linalg.inv(x.T @ x)
        count = len(set(groups))
        sandwich = (bread @ meat @ bread)[0, 0] * count / (count - 1)
        assert error is not None
        assert error.variance == pytest.approx(sandwich, rel=1e-12)
        assert (error.freedom, error.clusters) == (count - 1, count)

    @given(st.lists(st.floats(-5, 5), min_size=3, max_size=40))
    def test_clusters_of_one_change_nothing(self, values: list[float]) -> None:
        alone = mean_error(by_id(values))
        told = mean_error(by_id(values), clusters={name: name for name in by_id(values)})
        assert alone is not None
        assert told is not None
        assert told.variance == pytest.approx(alone.variance, rel=1e-12, abs=1e-15)

    def test_twins_are_no_news(self) -> None:
        values = [0.1, -0.3, 0.2, 0.5, -0.1, 0.4]
        once = estimate_mean(by_id(values))
        twice = estimate_mean(by_id(values * 2), clusters=by_id([str(index) for index in range(6)] * 2))  # type: ignore[arg-type]
        assert once is not None
        assert twice is not None
        assert twice.low == pytest.approx(once.low)


class TestBetweenExperiments:
    @pytest.mark.parametrize("tail", [0.025, 0.005, 0.1])
    def test_what_selection_does_is_that_of_a_truncated_normal(self, tail: float) -> None:
        rise, factor = selection(tail)
        truncated = stats.truncnorm(stats.norm.ppf(tail), math.inf)
        assert (rise, factor) == pytest.approx((truncated.mean(), truncated.var()), rel=1e-9)

    def test_levels_take_away_what_makes_examples_hard(self) -> None:
        hard = [0.2, 0.9, 0.5, 0.7]
        found = levels([by_id([each + mood for each in hard]) for mood in (0.0, 0.03, -0.03)])
        assert [level.value for level in found] == pytest.approx([0.0, 0.03, -0.03])
        assert [level.variance for level in found] == pytest.approx([0, 0, 0], abs=1e-30)

    def test_an_example_that_is_missing_moves_no_level(self) -> None:
        hard = [0.2, 0.9, 0.5, 0.7]
        nights = [by_id(hard) for _ in range(4)]
        del nights[2]["0"]  # the hardest
        assert [level.value for level in levels(nights)] == pytest.approx([0.0] * 4)

    def test_the_noise_of_examples_is_taken_off_and_nothing_is_below_zero(self) -> None:
        quiet = between_experiments([Level(value=0.0, variance=0.01)] * 30, scale=1, tail=0.025)
        weight = ASSUMED_EXPERIMENTS / (ASSUMED_EXPERIMENTS + 29)
        assert quiet.variance == pytest.approx(weight * ASSUMED_MOOD**2)
        assert quiet.freedom == ASSUMED_EXPERIMENTS + 29

    def test_until_there_are_experiments_a_mood_is_assumed(self) -> None:
        assert between_experiments([], scale=1, tail=0.025).variance == pytest.approx(ASSUMED_MOOD**2)
        assert between_experiments([], scale=100, tail=0.025).deviation == pytest.approx(100 * ASSUMED_MOOD)

    def test_it_finds_the_variance_that_is_there(self) -> None:
        random = Random(1)
        found = [
            between_experiments(
                [Level(value=random.gauss(0, math.hypot(0.05, 0.02)), variance=0.02**2) for _ in range(30)],
                scale=1,
                tail=0.025,
                are_selected=False,
            ).variance
            for _ in range(300)
        ]
        weight = ASSUMED_EXPERIMENTS / (ASSUMED_EXPERIMENTS + 29)
        assert sum(found) / 300 == pytest.approx(weight * ASSUMED_MOOD**2 + (1 - weight) * 0.05**2, rel=0.05)

    def test_a_change_has_both_parts_and_the_power_it_says(self) -> None:
        error = mean_error(by_id([0.01 * (-1) ** index for index in range(100)]))
        assert error is not None
        between = between_experiments(
            [Level(value=0.02 * (-1) ** n, variance=0.0) for n in range(30)], scale=1, tail=0.025
        )
        change = change_of(error, between, pooled=7, confidence=0.95, are_selected=False)
        assert change.error is not None
        assert change.freedom is not None
        assert change.error**2 == pytest.approx(error.variance + (1 + 1 / 7) * between.variance)
        quantile = stats.t.ppf(0.975, change.freedom)
        assert change.high == pytest.approx(error.mean + quantile * change.error)
        assert change.detectable == pytest.approx((quantile + stats.norm.ppf(0.8)) * change.error)
        alone = change_of(error, None, pooled=7, confidence=0.95)
        assert alone.error is not None
        assert alone.error < change.error


class TestDrift:
    @pytest.mark.parametrize("freedom", [4, 13, 50])
    @pytest.mark.parametrize("t", [-6.0, -2.0, -0.3, 0.0, 0.4, 3.0])
    def test_normal_scores_are_scipys(self, t: float, freedom: int) -> None:
        assert normal_score(t, freedom) == pytest.approx(stats.norm.ppf(stats.t.cdf(t, freedom)), abs=1e-6)

    def test_the_run_length_is_siegmunds(self) -> None:
        """For h = 4 and k = 1/2, the pair that textbooks tabulate, one alarm in about 336 on one side (168 on two)."""
        reach = 4 + 1.166
        assert (math.exp(reach) - reach - 1) / 0.5 == pytest.approx(336, rel=0.02)
        for length in (30.0, 366.0, 5_000.0):
            assert slow.average_run_length(slow.limit_for(length)) == pytest.approx(length, rel=1e-6)

    def test_unchanged_series_ring_as_often_as_the_budget_says(self) -> None:
        """With a limit for one alarm in 100 experiments; after the first twenty, since a series begins quiet."""
        random = Random(7)
        rung = 0
        for _ in range(50):
            values = [random.gauss(0, 1) for _ in range(60)]
            found = (slow.find_drift(values[:end], false_alarms_per_year=3.66, tests=1) for end in range(6, 61))
            rung += any(one is not None and one.rings for one in found)
        assert 0.2 <= rung / 50 <= 0.62  # 1 - exp(-55 / 100) is 0.42

    def test_a_slide_is_found_and_described(self) -> None:
        random = Random(3)
        values = [random.gauss(0, 0.005) - 0.002 * max(0, night - 20) for night in range(50)]
        found = slow.find_drift(values, false_alarms_per_year=1, tests=2)
        assert found is not None
        assert found.rings
        assert found.fallen > 0
        assert slow.find_drift([-value for value in values], false_alarms_per_year=1, tests=2).sum == 0

    def test_it_can_be_turned_off_and_needs_a_past(self) -> None:
        assert slow.find_drift([0.0] * 40, false_alarms_per_year=0, tests=1) is None
        assert slow.find_drift([0.0, 0.1, 0.0, 0.1, 0.0], false_alarms_per_year=1, tests=1) is None

    def test_scores_that_never_vary_ring_at_a_step_and_not_before(self) -> None:
        quiet = slow.find_drift([0.5] * 30, false_alarms_per_year=1, tests=1)
        assert quiet is not None
        assert quiet.sum == 0
        step = slow.find_drift([0.5] * 30 + [0.4] * 12, false_alarms_per_year=1, tests=1)
        assert step is not None
        assert step.rings


class TestSimulation:
    """What the tables of the docs rest on is the product's own arithmetic."""

    @pytest.mark.parametrize("shares", [False, True])
    @pytest.mark.parametrize("cluster", [1, 4])
    def test_the_sums_over_examples_are_the_products(self, cluster: int, shares: bool) -> None:
        random = np.random.default_rng(5)
        series = random.integers(0, 2, (6, 42)).astype(float) if shares else random.normal(size=(6, 42))
        groups = None if cluster == 1 else {str(index): str(index // cluster) for index in range(42)}
        nights = [by_id(list(map(float, night))) for night in series]
        differences = series[0] - series[1:].mean(axis=0)
        ours = mean_error(by_id(list(map(float, differences))), clusters=groups, are_shares=shares)
        theirs = simulation.mean_error(differences, cluster, are_shares=shares)
        assert ours is not None
        for name in ("mean", "center", "variance", "freedom", "examples"):
            assert getattr(theirs, name) == pytest.approx(getattr(ours, name))
        for one, other in zip(levels(nights, groups), simulation.levels(series, cluster), strict=True):
            assert (one.value, one.variance) == pytest.approx((other.value, other.variance), abs=1e-15)

    @pytest.mark.parametrize("count", [5, 6, 20, 61])
    @pytest.mark.parametrize("slide", [0.0, 0.01, 0.5])
    def test_its_slow_test_is_the_products(self, count: int, slide: float) -> None:
        values = np.random.default_rng(count).normal(0, 0.02, count) - slide * np.arange(count)
        ours = slow.find_drift(list(map(float, values)), false_alarms_per_year=1, tests=1)
        assert simulation.drift_of(values) == pytest.approx(0.0 if ours is None else ours.sum, abs=1e-6)

    def test_so_it_is_where_nothing_varied_before(self) -> None:
        values = [0.0] * 6 + [-0.1, 0.0]
        ours = slow.find_drift(values, false_alarms_per_year=1, tests=1)
        assert ours is not None
        assert simulation.drift_of(np.array(values) + 0.5) == pytest.approx(ours.sum, abs=1e-6)

    @pytest.mark.parametrize("freedom", [1, 4, 17.5, 60, 1e6])
    def test_its_quantiles_are_the_products(self, freedom: float) -> None:
        for probability in (0.6, 0.975, 0.9975):
            quantile = t_quantile(probability, freedom)
            assert simulation.t_quantile(probability, freedom) == pytest.approx(quantile, rel=1e-8)
            assert simulation.t_upper_tail(quantile, freedom) == pytest.approx(1 - probability, rel=1e-8)

    def test_moods_and_drops_are_as_large_as_they_say(self) -> None:
        random = np.random.default_rng(2)
        for kind in ("continuous", "pass/fail"):
            world = simulation.World(kind, 400, 0.02)
            difficulty = simulation.difficulty_of(world, random)
            moods = [simulation.scores_of(world, difficulty, 0, random).mean() for _ in range(400)]
            calm = simulation.World(kind, 400, 0.0, drop=lambda night: 0.05)
            lower = [simulation.scores_of(calm, difficulty, 0, random).mean() for _ in range(400)]
            assert np.mean(moods) - np.mean(lower) == pytest.approx(0.05, abs=0.003)
            assert np.std(moods) ** 2 - np.std(lower) ** 2 == pytest.approx(0.02**2, rel=0.3)
