"""The words of the API, in whatever case a server or a person writes them."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_arize_tasks.client.enums import RunStatus, TaskType


@pytest.mark.parametrize("member", [*RunStatus, *TaskType])
def test_equal_to_and_made_from_its_word_in_any_case(member: RunStatus | TaskType) -> None:
    for word in (member.value, member.value.lower(), member.value.title()):
        assert member == word
        assert word == member
        assert (member != word) is False
        assert type(member)(word) is member
    assert {member.value: 1}[member] == 1


def test_unequal_to_anything_else() -> None:
    assert RunStatus.COMPLETED != RunStatus.FAILED
    assert RunStatus.COMPLETED != "failed"
    assert RunStatus.COMPLETED != ""
    assert RunStatus.COMPLETED is not None
    assert len(set(RunStatus)) == 6


@pytest.mark.parametrize("word", ["PAUSED", "", " ", None, 3])
def test_made_from_nothing_else(word: object) -> None:
    with pytest.raises(ValueError, match="is not a valid RunStatus"):
        RunStatus(word)


def test_prints_as_its_bare_word() -> None:
    assert str(RunStatus.COMPLETED) == "COMPLETED"
    assert f"{RunStatus.COMPLETED}" == "COMPLETED"
    assert f"{RunStatus.COMPLETED:>10}" == " COMPLETED"
    assert "%s" % TaskType.RUN_EXPERIMENT == "RUN_EXPERIMENT"  # noqa: UP031  # as log calls print it


def test_stays_one_of_a_kind() -> None:
    assert pickle.loads(pickle.dumps(RunStatus.FAILED)) is RunStatus.FAILED
    assert copy.deepcopy(RunStatus.FAILED) is RunStatus.FAILED
