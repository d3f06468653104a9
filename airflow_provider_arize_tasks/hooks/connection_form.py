"""The connection form for Airflow 2.11 to 3.1, built from the declaration that Airflow 3.2 and later read.

Airflow before 3.2 asks the hook class for WTForms widgets. From 3.2 on it takes the form from the provider info and
leaves the hook alone, so having both causes no deprecation warning there.

Airflow 3.0 and 3.1 replace ``wtforms``, ``flask_babel`` and ``flask_appbuilder`` by stand-ins while they ask, hence the
imports inside the function, by exactly these names.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_arize_tasks.get_provider_info import CONNECTION_FIELDS, UI_FIELD_BEHAVIOUR


def connection_form_widgets() -> dict[str, Any]:
    """Widgets of the connection's own fields, for ``BaseHook.get_connection_form_widgets``.

    :return: WTForms fields by the name of their key in the connection's extra.
    :raises ImportError: where ``flask_appbuilder`` is missing; Airflow expects and handles it.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import IntegerField, StringField
    from wtforms.validators import Optional

    widgets: dict[str, Any] = {}
    for name, declaration in CONNECTION_FIELDS.items():
        # A number with decimals has no field class that Airflow allows here, so it is typed as text.
        field_class = IntegerField if "integer" in declaration["schema"]["type"] else StringField
        widgets[name] = field_class(
            lazy_gettext(declaration["label"]),
            validators=[Optional()],
            widget=BS3TextFieldWidget(),
            description=declaration["description"],
        )
    return widgets


def ui_field_behaviour() -> dict[str, Any]:
    """Labels, placeholders and hidden fields, for ``BaseHook.get_ui_field_behaviour``.

    :return: the declaration with the key names of Airflow before 3.2.
    """
    return {
        "hidden_fields": list(UI_FIELD_BEHAVIOUR["hidden-fields"]),
        "relabeling": dict(UI_FIELD_BEHAVIOUR["relabeling"]),
        "placeholders": dict(UI_FIELD_BEHAVIOUR["placeholders"]),
    }
