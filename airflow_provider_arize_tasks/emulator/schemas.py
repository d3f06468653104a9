"""The shapes of request bodies, as tables of fields, and a checker for them.

Bodies are strict, as the API's are: an unknown field is refused, and null is accepted only where a field is nullable.
Which fields are nullable is read off the request models of Arize's own SDK, which send null for no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_arize_tasks.emulator.common import Refusal
from airflow_provider_arize_tasks.emulator.levels import Level

#: Looks at a value and returns what is wrong with it, each complaint beginning with the field's name.
Check = Callable[[Any, str, Level], list[str]]


@dataclass(frozen=True)
class Field:
    """A field of a body.

    :ivar check: what its value must be.
    :ivar required: whether it must be there.
    :ivar nullable: whether null is accepted.
    """

    check: Check
    required: bool = False
    nullable: bool = False


class Shape(dict[str, Field]):
    """The fields of an object.

    :param kind: what the level table calls the object, which says when each of its fields came.
    :param optional: fields that need not be there, as checks of their values.
    """

    def __init__(self, kind: str = "", /, **optional: Check | Field) -> None:
        super().__init__(
            {name: given if isinstance(given, Field) else Field(given) for name, given in optional.items()}
        )
        self.kind = kind

    def __call__(self, value: Any, where: str, level: Level) -> list[str]:
        """Everything wrong with an object.

        :param value: the parsed JSON.
        :param where: its name for the messages; empty for the body itself.
        :param level: the server's age.
        """
        if not isinstance(value, dict):
            return [f"{where or 'body'}: must be an object"]
        prefix = f"{where}." if where else ""
        complaints = []
        for name, given in value.items():
            field = self.get(name)
            if field is None or not level.knows(f"request {self.kind}.{name}"):
                complaints.append(f"{prefix}{name}: unknown field")
            elif given is None:
                complaints += [] if field.nullable else [f"{prefix}{name}: must not be null"]
            else:
                complaints += field.check(given, f"{prefix}{name}", level)
        required = [name for name, field in self.items() if field.required and name not in value]
        return complaints + [f"{prefix}{name}: is required" for name in required]

    def read(self, value: Any, level: Level, status: int = 400) -> dict[str, Any]:
        """A body of this shape.

        :param value: the parsed JSON.
        :param level: the server's age.
        :param status: of the refusal of what has another shape.
        :raises Refusal: naming everything that is wrong.
        """
        refuse_if(self(value, "", level), status)
        return dict(value)


def refuse_if(complaints: list[str], status: int = 400) -> None:
    """Refuse a request that something is wrong with, naming everything at once."""
    if complaints:
        raise Refusal(status, "; ".join(complaints))


def required(check: Check) -> Field:
    """A field that must be there."""
    return Field(check, required=True)


def nullable(check: Check) -> Field:
    """A field that may be null."""
    return Field(check, nullable=True)


def must(hold: Callable[[Any], object], be: str) -> Check:
    """A value for which a condition holds, and the words for what it must be."""
    return lambda value, where, _level: [] if hold(value) else [f"{where}: must be {be}"]


boolean = must(lambda value: isinstance(value, bool), "a boolean")
free_object = must(lambda value: isinstance(value, dict), "an object")
anything = must(lambda _value: True, "any JSON")
column_name = must(
    lambda value: isinstance(value, str) and re.fullmatch(r"[a-zA-Z0-9_\s\-&()]+", value),
    "letters, digits, spaces, and _ - & ( )",
)


def text(shortest: int = 0, longest: int | None = None, limit_feature: str | None = None) -> Check:
    """A text within a length; ``limit_feature`` is the feature that brought the upper limit."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, str):
            return [f"{where}: must be a string"]
        if len(value) < shortest:
            return [f"{where}: must have at least {shortest} character(s)"]
        limited = limit_feature is None or level.knows(limit_feature)
        if longest is not None and limited and len(value) > longest:
            return [f"{where}: must have at most {longest} characters"]
        return []

    return check


def number(low: float | None = None, high: float | None = None, *, whole: bool = False) -> Check:
    """A number within a range."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        is_number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        if not is_number or not -(2**63) <= value < 2**63:
            return [f"{where}: must be {'an integer' if whole else 'a number'}"]
        if (low is not None and value < low) or (high is not None and value > high):
            return [f"{where}: must be between {low} and {high}" if high is not None else f"{where}: must be >= {low}"]
        return []

    return check


def choice(*allowed: str, spell: Callable[[Level, str], str] = Level.spell) -> Check:
    """An enum value, in the spelling of the level."""

    def check(value: Any, where: str, level: Level) -> list[str]:
        known = [spell(level, item) for item in allowed if level.knows(item)]
        return [] if value in known else [f"{where}: must be one of {', '.join(known)}, got {value!r}"]

    return check


def list_of(check: Check, fewest: int = 0, most: int | None = None) -> Check:
    """A list whose items pass a check."""

    def check_list(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, list):
            return [f"{where}: must be an array"]
        if len(value) < fewest:
            return [f"{where}: must have at least {fewest} item(s)"]
        if most is not None and len(value) > most:
            return [f"{where}: must have at most {most} items"]
        return [problem for n, item in enumerate(value) for problem in check(item, f"{where}[{n}]", level)]

    return check_list


def map_of(check: Check) -> Check:
    """An object whose values pass a check."""

    def check_map(value: Any, where: str, level: Level) -> list[str]:
        if not isinstance(value, dict):
            return [f"{where}: must be an object"]
        return [problem for name, item in value.items() for problem in check(item, f"{where}.{name}", level)]

    return check_map


TOOL_CONFIG = Shape(tools=list_of(free_object), tool_choice=nullable(anything))
RESPONSE_FORMAT = Shape(
    type=required(choice("TEXT", "JSON_OBJECT", "JSON_SCHEMA")),
    json_schema=Shape(name=text(), description=text(), schema=free_object, strict=boolean),
)
INVOCATION = Shape(
    "invocation_parameters",
    temperature=number(),
    max_tokens=number(whole=True),
    max_completion_tokens=number(whole=True),
    top_p=number(),
    frequency_penalty=number(),
    presence_penalty=number(),
    stop=list_of(text()),
    response_format=RESPONSE_FORMAT,
    tool_config=TOOL_CONFIG,
    top_k=number(whole=True),
    thinking_level=text(),
    thinking_budget=number(whole=True),
    reasoning_effort=text(),
    verbosity=text(),
)
TOOL_CALL = Shape(
    id=text(),
    type=required(choice("FUNCTION")),
    function=required(Shape(name=required(text()), arguments=required(text()))),
)
MESSAGE = Shape(
    role=required(choice("USER", "ASSISTANT", "SYSTEM", "TOOL")),
    content=nullable(text()),
    tool_call_id=text(),
    tool_calls=list_of(TOOL_CALL),
)
_FORMAT = choice("F_STRING", "MUSTACHE", "NONE")
_KIND = required(choice("LLM_GENERATION", "TEMPLATE_EVALUATION", "AGENT_CALL"))
RUN_CONFIGURATIONS = {
    "LLM_GENERATION": Shape(
        experiment_type=_KIND,
        ai_integration_id=required(text(1)),
        messages=required(list_of(MESSAGE, 1)),
        input_variable_format=required(_FORMAT),
        model_name=text(),
        invocation_parameters=INVOCATION,
        provider_parameters=free_object,
        tool_config=TOOL_CONFIG,
        prompt_version_id=nullable(text()),
    ),
    "TEMPLATE_EVALUATION": Shape(
        experiment_type=_KIND,
        ai_integration_id=required(text(1)),
        template=required(text(1)),
        provide_explanation=required(boolean),
        model_name=text(),
        classification_choices=map_of(number()),
        column_mapping=map_of(text()),
        evaluator_version_id=nullable(text()),
        invocation_parameters=INVOCATION,
        provider_parameters=free_object,
    ),
    "AGENT_CALL": Shape(experiment_type=_KIND, integration_id=required(text(1)), input_template=required(free_object)),
}


def run_configuration(value: Any, where: str, level: Level) -> list[str]:
    """A run configuration of one of the three kinds."""
    if not isinstance(value, dict):
        return [f"{where}: must be an object"]
    complaints = _KIND.check(value.get("experiment_type"), f"{where}.experiment_type", level)
    return complaints or RUN_CONFIGURATIONS[value["experiment_type"].upper()](value, where, level)


_LIMITS = "length limits of query filters"


def _letter(value: Any, where: str, level: Level) -> list[str]:
    return [] if value in ("A", "B", "C", "D", "E") else [f"{where}: must be one letter of A to E, got {value!r}"]


QUERY_FILTER = Shape(id=required(_letter), filter=required(text(0, 2000, _LIMITS)))
QUERY_FILTERS = Shape(filters=required(list_of(QUERY_FILTER, 1, 5)), expression=text(0, 512, _LIMITS))
QUERY_MAPPING = Shape(
    variable_name=required(text(1, 256, _LIMITS)),
    query_ids=required(list_of(_letter, 0, 5)),
    attribute_path=required(text(0, 1024, _LIMITS)),
)
EVALUATOR = Shape(
    "evaluator",
    evaluator_id=required(text(1)),
    evaluator_version_id=nullable(text(1)),
    query_filter=text(),
    column_mappings=map_of(text()),
    query_mappings=list_of(QUERY_MAPPING, 1, 50),
)
_EVALUATORS = list_of(EVALUATOR, 1)
TASK_TYPE = choice("TEMPLATE_EVALUATION", "CODE_EVALUATION", "RUN_EXPERIMENT")

CREATE_EVALUATION = Shape(
    "task",
    name=required(text(1)),
    type=required(TASK_TYPE),
    evaluators=required(_EVALUATORS),
    project_id=text(1),
    dataset_id=text(1),
    experiment_ids=list_of(text(1)),
    sampling_rate=number(0, 1),
    is_continuous=boolean,
    query_filter=text(),
    query_filters=QUERY_FILTERS,
)
CREATE_EXPERIMENT = Shape(
    name=required(text(1)),
    type=required(TASK_TYPE),
    dataset_id=required(text(1)),
    run_configuration=required(run_configuration),
)
UPDATE_EVALUATION = Shape(
    "task",
    name=text(1),
    sampling_rate=number(0, 1),
    is_continuous=boolean,
    query_filter=nullable(text()),
    query_filters=nullable(QUERY_FILTERS),
    evaluators=_EVALUATORS,
)
UPDATE_EXPERIMENT = Shape(name=text(1), run_configuration=run_configuration)
TRIGGER_EVALUATION = Shape(
    data_start_time=text(1),
    data_end_time=text(1),
    max_spans=number(1, whole=True),
    override_evaluations=boolean,
    experiment_ids=list_of(text(1)),
)


def experiment_name(value: Any, where: str, level: Level) -> list[str]:
    """An experiment's name: its length and characters, as far as the level checks them."""
    shortest = 1 if level.knows("experiment_name characters") else 0
    complaints = text(shortest, 255, "experiment_name length")(value, where, level)
    if not complaints and level.knows("experiment_name characters") and any(mark in value for mark in '"\\'):
        return [f"{where}: must not contain a double quote or a backslash"]
    return complaints


TRIGGER_EXPERIMENT = Shape(
    "trigger",
    experiment_name=required(experiment_name),
    dataset_version_id=text(1),
    example_ids=list_of(text(1)),
    max_examples=number(1, whole=True),
    query_filter=text(),
    tracing_metadata=map_of(text()),
    evaluation_task_ids=list_of(text(1)),
)


def _spell_provider(level: Level, name: str) -> str:
    """The provider of a prompt, which older servers spell in lower case, unlike those of integrations."""
    return name if level.is_upper else name.lower()


_PROVIDERS = ("OPEN_AI", "AZURE_OPEN_AI", "AWS_BEDROCK", "VERTEX_AI", "ANTHROPIC", "CUSTOM")
PROMPT_VERSION = Shape(
    commit_message=required(text()),
    input_variable_format=_FORMAT,
    provider=required(choice(*_PROVIDERS, spell=_spell_provider)),
    model=text(),
    messages=required(list_of(MESSAGE, 1)),
    invocation_params=INVOCATION,
    provider_params=free_object,
)
CREATE_PROMPT = Shape(
    space_id=required(text(1)), name=required(text(1)), description=text(), version=required(PROMPT_VERSION)
)
UPDATE_PROMPT = Shape(description=required(text()))
PROMPT_LABELS = Shape(labels=required(list_of(text(1))))
_LLM_CONFIG = Shape(
    ai_integration_id=required(text(1)),
    model_name=required(text()),
    invocation_parameters=required(INVOCATION),
    provider_parameters=required(free_object),
)
_GRANULARITY = nullable(choice("SPAN", "TRACE", "SESSION"))
_TEMPLATE_CONFIG = Shape(
    name=required(column_name),
    template=required(text()),
    include_explanations=required(boolean),
    use_function_calling=boolean,
    use_function_calling_if_available=boolean,
    use_structured_output=boolean,
    classification_choices=nullable(map_of(number())),
    direction=nullable(choice("MAXIMIZE", "MINIMIZE", "NONE")),
    data_granularity=_GRANULARITY,
    llm_config=required(_LLM_CONFIG),
)
_CODE_CONFIG = Shape(
    type=required(choice("MANAGED", "CUSTOM")),
    name=required(column_name),
    code=text(),
    imports=nullable(text()),
    managed_evaluator=text(),
    variables=required(list_of(text())),
    static_params=nullable(list_of(free_object)),
    data_granularity=_GRANULARITY,
    query_filter=nullable(text()),
)
EVALUATOR_VERSION = Shape(
    commit_message=required(text(1, 1000)), template_config=_TEMPLATE_CONFIG, code_config=_CODE_CONFIG
)
CREATE_EVALUATOR = Shape(
    space_id=required(text(1)),
    name=required(text(1, 255)),
    description=nullable(text()),
    type=required(choice("TEMPLATE", "CODE")),
    version=required(EVALUATOR_VERSION),
)
UPDATE_EVALUATOR = Shape(name=text(1, 255), description=text())
SEARCH_ROWS = Shape(filter=nullable(text()), limit=number(1, 500, whole=True), cursor=nullable(text()))
SEARCH_EXAMPLES = Shape(**SEARCH_ROWS, dataset_version_id=nullable(text(1)))
_COLUMNS = list_of(text(1), 1, 1000)
LIST_SPANS = Shape(
    "spans",
    project_id=required(text(1)),
    start_time=text(1),
    end_time=text(1),
    filter=text(),
    included_columns=_COLUMNS,
    excluded_columns=_COLUMNS,
    truncate_string_length=number(1, whole=True),
)
