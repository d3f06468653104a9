"""What a server of a given age knows: one table of features, each with the API level that brought it.

A level is the release number of the ``arize`` SDK that was new at the time, such as ``8.28``: the SDK follows the
API closely, so its releases date the API's changes. An old level must not send a newer field, since SDK releases up
to 8.45 refuse a reply with a field that they don't know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

LATEST = "8.61"

#: Feature -> the first level that knows it. Operations are named by method and path, fields by object and name.
SINCE: dict[str, str] = {
    # operations
    "operation tasks": "8.8",
    "operation PATCH /v2/tasks/{task_id}": "8.17",
    "operation DELETE /v2/tasks/{task_id}": "8.17",
    "operation GET /v2/integrations": "8.41",
    "operation GET /v2/integrations/{integration_id}": "8.41",
    "operation POST /v2/experiments/{experiment_id}/runs/search": "8.56",
    "operation POST /v2/datasets/{dataset_id}/examples/search": "8.57",
    # query parameters
    "query GET /v2/tasks space_name": "8.9",
    "query GET /v2/tasks name": "8.9",
    "query GET /v2/datasets/{dataset_id}/examples cursor": "8.36",
    "query GET /v2/experiments/{experiment_id}/runs cursor": "8.38",
    "query GET /v2/experiments space_id": "8.44",
    "query GET /v2/projects project_type": "8.56",
    # values and behaviour
    "upper-case enums": "8.40",
    "missing scope is 404": "8.40",
    "RUN_EXPERIMENT": "8.23",
    "AGENT_CALL": "8.42",
    "experiment_name characters": "8.48",
    "experiment_name length": "8.51",
    "length limits of query filters": "8.52",
    "first run needs data_start_time": "8.29.1",
    "end of a range of spans is inclusive": "8.60",
    "blank filter of spans is refused": "8.45",
    # fields of requests
    "request spans.included_columns": "8.50",
    "request spans.excluded_columns": "8.50",
    "request spans.truncate_string_length": "8.60",
    "request invocation_parameters.top_k": "8.28.1",
    "request invocation_parameters.thinking_level": "8.28.1",
    "request invocation_parameters.thinking_budget": "8.28.1",
    "request invocation_parameters.reasoning_effort": "8.28.1",
    "request invocation_parameters.verbosity": "8.28.1",
    "request evaluator.evaluator_version_id": "8.45",
    "request evaluator.query_mappings": "8.51",
    "request task.query_filters": "8.51",
    "request task.run_configuration": "8.23",
    "request trigger.query_filter": "8.51",
    # fields of replies
    "reply Task.run_configuration": "8.23",
    "reply Task.query_filters": "8.51",
    "reply TaskEvaluator.evaluator_version_id": "8.45",
    "reply TaskEvaluator.query_mappings": "8.51",
    "reply TaskRun.experiment_id": "8.23",
    "reply TaskRun.failure_reason": "8.42",
    "reply Evaluation.metadata": "8.60",
    "reply Space.is_private": "8.43",
    "reply Space.organization_id": "8.59.1",
    "reply Project.project_type": "8.56",
    "reply Experiment.integration_id": "8.41",
    "reply Experiment.space_id": "8.44",
    "reply ExperimentRun.annotations": "8.25",
    "reply TemplateConfig.use_structured_output": "8.45",
    "reply TemplateConfig.use_function_calling": "8.50",
}

#: Field -> the first level that no longer sends it.
UNTIL: dict[str, str] = {"reply TemplateConfig.use_function_calling_if_available": "8.50"}

#: Enum values whose old spelling is not merely lower case.
OLD_SPELLING: dict[str, str] = {
    "OPEN_AI": "openAI",
    "AZURE_OPEN_AI": "azureOpenAI",
    "AWS_BEDROCK": "awsBedrock",
    "VERTEX_AI": "vertexAI",
    "NVIDIA_NIM": "nvidiaNim",
    "MATCHES_REGEX": "MatchesRegex",
    "JSON_PARSEABLE": "JSONParseable",
    "CONTAINS_ANY_KEYWORD": "ContainsAnyKeyword",
    "CONTAINS_ALL_KEYWORDS": "ContainsAllKeywords",
    "EXACT_MATCH": "ExactMatch",
}
_NEW_SPELLING = {old: new for new, old in OLD_SPELLING.items()}


@cache
def parse_level(text: str) -> tuple[int, ...]:
    """A level as numbers that compare.

    :param text: such as ``8.28`` or ``8.28.1``.
    :raises ValueError: for anything else, and for levels without a tasks API (before 8.8).
    """
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", text):
        raise ValueError(f"an API level looks like 8.61, not {text!r}")
    parts = tuple(int(part) for part in text.split("."))
    level = parts + (0,) * (3 - len(parts))
    if level < (8, 8, 0):
        raise ValueError(f"API level {text} has no tasks API; the first is 8.8")
    return level


@dataclass(frozen=True)
class Level:
    """The age of the server.

    :ivar text: as given, such as ``8.61``.
    """

    text: str = LATEST

    def __post_init__(self) -> None:
        parse_level(self.text)

    def knows(self, feature: str) -> bool:
        """Whether the server knows a feature; what is not in the table has always been there.

        :param feature: a key of :data:`SINCE`.
        """
        since = SINCE.get(feature)
        return since is None or parse_level(self.text) >= parse_level(since)

    def sends(self, kind: str, name: str) -> bool:
        """Whether replies of this level carry a field.

        :param kind: the object, such as ``TaskRun``.
        :param name: the field.
        """
        key = f"reply {kind}.{name}"
        until = UNTIL.get(key)
        return self.knows(key) and (until is None or parse_level(self.text) < parse_level(until))

    def prune(self, kind: str, reply: dict[str, Any]) -> dict[str, Any]:
        """A reply object without the fields that are newer (or older) than this level."""
        return {name: value for name, value in reply.items() if self.sends(kind, name)}

    @property
    def is_upper(self) -> bool:
        """Whether enums are upper case."""
        return self.knows("upper-case enums")

    @staticmethod
    def read(value: str) -> str:
        """An enum value of a request as it is kept: in upper case."""
        return _NEW_SPELLING.get(value, value.upper())

    def spell(self, value: Any) -> Any:
        """An enum value as this level writes it; anything but a text is left alone."""
        # Assumes "enums-upper-case", which a certificate asks about.
        if not isinstance(value, str) or self.is_upper:
            return value
        return OLD_SPELLING.get(value, value.lower())
