"""What Airflow asks a provider about itself: its modules, its connection type and the form of that connection.

Airflow calls :func:`get_provider_info` in every one of its processes, so this module is plain data: it imports nothing
of Airflow, of the client or of any third library.

The form is declared once, here. Airflow 3.2 and later read ``conn-fields`` and ``ui-field-behaviour`` from this data
and never import the hook for it; for Airflow 2.11 to 3.1 the hook builds its widgets from the same two constants
(``hooks/connection_form.py``).
"""

from __future__ import annotations

import copy
from typing import Any, Final

_PACKAGE: Final = "airflow_provider_arize_tasks"
_INTEGRATION: Final = "Arize AX"
_DOCUMENTATION: Final = "https://arize.com/docs/ax"
CONNECTION_TYPE: Final = "arize"
HOOK_NAME: Final = "Arize AX"

#: The connection's own fields, kept in its ``extra``. Every one is optional. ``proxies`` and ``headers`` are not here
#: but in the raw ``extra``: they are JSON objects and may hold secrets.
CONNECTION_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "region": {
        "label": "Region",
        "schema": {
            "type": ["string", "null"],
            "examples": ["us-central-1a", "us-east-1b", "eu-west-1a", "ca-central-1a"],
        },
        "description": (
            "Region of the Arize account, for instance eu-west-1a: calls go to https://api.<region>.arize.com. "
            "Leave empty for https://api.arize.com, or when Host is given."
        ),
    },
    "space": {
        "label": "Default space",
        "schema": {"type": ["string", "null"]},
        "description": "Name or id of the space in which tasks, projects, datasets and evaluators are looked up "
        "by name when an operator gives no space of its own.",
    },
    "timeout": {
        "label": "Read timeout (seconds)",
        "schema": {"type": ["number", "null"], "minimum": 1, "maximum": 3600},
        "description": "How long one call may stay silent before it is given up. Default: 60. "
        "How long a run may take is the operator's own timeout.",
    },
    "verify": {
        "label": "Verify TLS certificates",
        "schema": {"type": ["string", "null"], "examples": ["true", "false", "/etc/ssl/certs/ca-certificates.crt"]},
        "description": "true (the default), false, or the path of a CA bundle that is readable on workers and "
        "triggerers. false exposes the API key to whoever can intercept the traffic.",
    },
    "organization": {
        "label": "Organization id",
        "schema": {"type": ["string", "null"]},
        "description": "Used in links to the Arize UI only, for servers that don't tell it by themselves. "
        "It is the part after /organizations/ in the address of any page of Arize.",
    },
    "app_url": {
        "label": "URL of the Arize UI",
        "schema": {"type": ["string", "null"], "format": "url"},
        "description": "Used in links only. Default: https://app.arize.com; for a self-hosted one app.<domain> beside "
        "api.<domain>, else the host itself.",
    },
    "max_requests_per_second": {
        "label": "Requests per second, at most",
        "schema": {"type": ["number", "null"], "minimum": 0.01},
        "description": "Limit for each process that uses this connection (a task, a triggerer). Default: no limit.",
    },
    "enum_case": {
        "label": "Case of enum values",
        "schema": {"type": ["string", "null"], "enum": ["upper", "lower"]},
        "description": "Leave empty: it is learned from the server. lower saves a self-hosted server from before "
        "July 2026 one refused request.",
    },
}

#: Fields of every connection, as they look for this type.
UI_FIELD_BEHAVIOUR: Final[dict[str, Any]] = {
    "hidden-fields": ["login", "schema", "port"],
    "relabeling": {"password": "API key", "host": "Host"},
    "placeholders": {
        "password": "ak-...",
        "host": "empty for Arize's cloud, else a name or URL: https://arize.example.com",
        "extra": '{"proxies": {"https": "http://proxy.example.com:3128"}, "headers": {"X-Team": "llm-evals"}}',
    },
}

#: Section ``[arize]`` of Airflow's configuration.
_CONFIGURATION: Final[dict[str, Any]] = {
    "description": "Settings of airflow-provider-arize-tasks.",
    "options": {
        "use_environment": {
            "description": (
                "Whether ARIZE_API_KEY, ARIZE_REGION, ARIZE_SPACE and the other variables of Arize's SDK stand in for "
                "the connection arize_default where it does not exist. Workers and triggerers must have them alike."
            ),
            "version_added": "0.1.0",
            "type": "boolean",
            "example": None,
            "default": "False",
        },
        "report_folders": {
            "description": (
                "Local folders, separated by commas, from which the page in Airflow serves reports of experiment "
                "checks. Workers and the API server must share them. Without it no report is served."
            ),
            "version_added": "0.1.0",
            "type": "string",
            "example": "/opt/airflow/reports",
            "default": "",
        },
        "settle": {
            "description": (
                "How late Arize's evaluations see spans: seconds, or text such as 2h. Until a window has been over for "
                "that long, trigger operators wait and the gap operator leaves it alone. Not set: 0 for the trigger "
                "operators, 2 hours for the gap operator. The operators' own argument settle goes first."
            ),
            "version_added": "0.1.0",
            "type": "string",
            "example": "2h",
            "default": None,
        },
    },
}

_CONNECTION: Final[dict[str, Any]] = {
    "connection-type": CONNECTION_TYPE,
    "hook-class-name": f"{_PACKAGE}.hooks.arize.ArizeHook",
    "hook-name": HOOK_NAME,
    "ui-field-behaviour": UI_FIELD_BEHAVIOUR,
    "conn-fields": CONNECTION_FIELDS,
}
_OPERATORS: Final = ("tasks", "runs", "gaps", "verify_window", "experiments")
_LINKS: Final = ("arize.ArizeTaskLink", "arize.ArizeTaskRunLink", "arize.ArizeExperimentLink", "arize.ArizeReportLink")


def get_provider_info() -> dict[str, Any]:
    """Describe this provider to Airflow (entry point ``apache_airflow_provider``).

    :return: data after Airflow's ``provider.yaml`` schema, a fresh copy on each call.
    """
    return {
        "package-name": "airflow-provider-arize-tasks",
        "name": "Arize AX tasks",
        "description": "Evaluation tasks and experiments of `Arize AX <https://arize.com/docs/ax>`__, deferred, "
        "exactly one run per data window.",
        "integrations": [
            {"integration-name": _INTEGRATION, "external-doc-url": _DOCUMENTATION, "tags": ["ai", "llm", "service"]}
        ],
        "connection-types": [copy.deepcopy(_CONNECTION)],
        # Airflow 3.2 and later.
        "cli": [f"{_PACKAGE}.cli.airflow_commands.get_commands"],
        "config": {"arize": copy.deepcopy(_CONFIGURATION)},
        "hooks": [_modules("hooks.arize")],
        "operators": [_modules(*(f"operators.{name}" for name in _OPERATORS))],
        "sensors": [_modules("sensors.task_run")],
        "triggers": [_modules("triggers.task_run", "triggers.settle")],
        "extra-links": [f"{_PACKAGE}.links.{name}" for name in _LINKS],
    }


def _modules(*names: str) -> dict[str, Any]:
    return {"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}" for name in names]}
