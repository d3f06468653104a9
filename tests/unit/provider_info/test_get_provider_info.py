"""The provider info: valid after Airflow's own schemas, true about the package, and cheap to load."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
from importlib.metadata import entry_points, metadata
from pathlib import Path

import airflow
import jsonschema
import pytest

import airflow_provider_arize_tasks
from airflow_provider_arize_tasks.get_provider_info import CONNECTION_FIELDS, UI_FIELD_BEHAVIOUR, get_provider_info

PACKAGE = Path(airflow_provider_arize_tasks.__file__).parent
AIRFLOW = Path(airflow.__file__).parent


def airflow_schema(name: str) -> dict:
    path = AIRFLOW / name
    if not path.exists():
        pytest.skip(f"this Airflow has no {name}")
    return json.loads(path.read_text())


def test_valid_after_the_schema_airflow_checks_at_run_time():
    jsonschema.validate(get_provider_info(), airflow_schema("provider_info.schema.json"))


def test_every_part_valid_after_airflows_provider_yaml_schema():
    schema = airflow_schema("provider.yaml.schema.json")
    if "conn-fields" not in schema["properties"]["connection-types"]["items"]["properties"]:
        pytest.skip("Airflow before 3.2 knows no declared fields")
    info = get_provider_info()
    definitions = {"definitions": schema["definitions"]}
    for key, value in info.items():
        jsonschema.validate(value, {**schema["properties"][key], **definitions})


def test_schema_check_can_fail():
    broken = {**get_provider_info()["connection-types"][0]}
    del broken["hook-class-name"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([broken], airflow_schema("provider.yaml.schema.json")["properties"]["connection-types"])


def test_entry_point_gives_this_info():
    (found,) = [p for p in entry_points(group="apache_airflow_provider") if "arize_tasks" in p.value]
    assert found.load()() == get_provider_info()


def test_package_name_is_the_distributions():
    assert metadata(get_provider_info()["package-name"])["Version"] == airflow_provider_arize_tasks.__version__


def test_a_caller_cannot_spoil_the_next_callers_copy():
    get_provider_info()["connection-types"][0]["conn-fields"].clear()
    assert get_provider_info()["connection-types"][0]["conn-fields"] == CONNECTION_FIELDS


def classes_named() -> list[str]:
    info = get_provider_info()
    return [*info["extra-links"], *(c["hook-class-name"] for c in info["connection-types"])]


def modules_named() -> list[str]:
    info = get_provider_info()
    return [
        m for kind in ("hooks", "operators", "sensors", "triggers") for e in info[kind] for m in e["python-modules"]
    ]


@pytest.mark.parametrize("name", classes_named())
def test_every_class_named_exists(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", modules_named())
def test_every_module_named_imports(name):
    importlib.import_module(name)


@pytest.mark.parametrize(
    ("folder", "base"), [("operators", "Operator"), ("sensors", "Sensor"), ("triggers", "Trigger"), ("hooks", "Hook")]
)
def test_every_public_class_is_in_a_module_that_is_named(folder, base):
    named = [importlib.import_module(name) for name in modules_named()]
    for module in pkgutil.iter_modules([str(PACKAGE / folder)]):
        tree = ast.parse((PACKAGE / folder / f"{module.name}.py").read_text())
        public = [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Arize")]
        for name in public:
            if name.endswith(base):
                assert any(hasattr(candidate, name) for candidate in named), f"{folder}.{module.name}.{name}"


def test_every_link_of_an_operator_is_named():
    """Airflow drops a link that isn't when it reads the DAG back."""
    from tests.integration.contract.cases import CLASSES

    used = {
        f"{type(link).__module__}.{type(link).__name__}"
        for operator in CLASSES.values()
        for link in operator.operator_extra_links
    }
    assert used == set(get_provider_info()["extra-links"])


def test_form_hides_only_what_the_connection_does_not_use():
    assert set(UI_FIELD_BEHAVIOUR["hidden-fields"]) == {"login", "schema", "port"}
    assert UI_FIELD_BEHAVIOUR["relabeling"]["password"] == "API key"


@pytest.mark.parametrize("name", CONNECTION_FIELDS)
def test_every_field_may_stay_empty_and_says_what_it_is_for(name):
    field = CONNECTION_FIELDS[name]
    assert "null" in field["schema"]["type"]
    assert len(field["description"]) > 40
    assert field["description"].endswith(".")
