"""The form as each Airflow sees it: declared for 3.2 and later, WTForms widgets for 2.11 to 3.1."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import airflow
import pytest
from airflow.providers_manager import ProvidersManager
from packaging.version import Version

from airflow_provider_arize_tasks.get_provider_info import CONNECTION_FIELDS

# Asked before Airflow puts stand-ins for it into sys.modules.
HAS_WIDGETS = find_spec("flask_appbuilder") is not None


@pytest.fixture(scope="module")
def seen() -> tuple:
    """What this Airflow makes of the form, and the warnings it raised on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService

            hooks, widgets, behaviours = HookMetaService._get_hooks_with_mocked_fab()
        except ImportError:  # Airflow 2: flask_appbuilder is installed, nothing to mock
            manager = ProvidersManager()
            hooks, widgets, behaviours = manager.hooks, manager.connection_form_widgets, manager.field_behaviours
        info = hooks["arize"]
    if Version(airflow.__version__) < Version("3.1") and not HAS_WIDGETS:
        pytest.skip("Airflow 3.0 has forms of providers only where the FAB provider is installed")
    return info, widgets, behaviours, [str(w.message) for w in caught]


def test_connection_type_is_registered(seen):
    info = seen[0]
    assert info.hook_name == "Arize AX"
    assert info.connection_id_attribute_name == "arize_conn_id"
    assert info.connection_testable


def test_every_field_is_in_the_form(seen):
    widgets = seen[1]
    ours = [name for name in widgets if name.startswith("extra__arize__")]
    assert ours == [f"extra__arize__{name}" for name in CONNECTION_FIELDS]
    assert [widgets[name].field_name for name in ours] == list(CONNECTION_FIELDS)


def test_standard_fields_are_relabelled_and_hidden(seen):
    behaviour = seen[2]["arize"]
    assert behaviour["hidden_fields"] == ["login", "schema", "port"]
    assert behaviour["relabeling"] == {"password": "API key", "host": "Host"}
    assert behaviour["placeholders"]["password"] == "ak-..."


def test_no_warning_is_about_us(seen):
    assert [text for text in seen[3] if "rize" in text] == []


@pytest.mark.skipif(not HAS_WIDGETS, reason="this Airflow has no flask_appbuilder")
def test_legacy_widgets_have_label_and_help():
    from airflow_provider_arize_tasks.hooks.connection_form import connection_form_widgets

    for name, widget in connection_form_widgets().items():
        assert str(widget.args[0]) == CONNECTION_FIELDS[name]["label"]
        assert widget.kwargs["description"] == CONNECTION_FIELDS[name]["description"]


def test_browser_gets_our_form(seen):
    """What Airflow 3 makes of it for the browser (``GET /ui/connections/hook_meta``)."""
    services = pytest.importorskip("airflow.api_fastapi.core_api.services.ui.connections")
    fields = services.HookMetaService._convert_extra_fields(seen[1])["arize"]
    assert list(fields) == list(CONNECTION_FIELDS)
    for name, field in fields.items():
        assert field["schema"]["title"] == CONNECTION_FIELDS[name]["label"]
        assert field["description"] == CONNECTION_FIELDS[name]["description"]
    standard = services.HookMetaService._make_standard_fields(seen[2]["arize"])
    assert standard.password.title == "API key"
    assert standard.login.hidden


@pytest.mark.parametrize("method", ["get_connection_form_widgets", "get_ui_field_behaviour"])
def test_airflow_before_3_2_finds_the_form_in_the_class_itself(method):
    """It doesn't look at base classes."""
    from airflow_provider_arize_tasks.hooks.arize import ArizeHook

    assert method in vars(ArizeHook)
