"""Finds calls of the package to something deprecated, whoever the warning names.

A filter of pytest's would go by the module that a warning carries, the one ``stacklevel`` points at. That is often a
module of Airflow's: of the code that resolves a moved name, or of the deprecated function itself. And a filter that
raises is unheard where an ``except`` of ours is wide. So each warning is looked at as it is shown, with its stack.
"""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import airflow_provider_arize_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PACKAGE = str(Path(airflow_provider_arize_tasks.__file__).parent)
#: Airflow's RemovedInAirflow3Warning, RemovedInAirflow4Warning and AirflowProviderDeprecationWarning are of the first
#: kind, its DeprecatedImportWarning is of the last.
KINDS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
#: Modules and functions that stand between a deprecated thing and whoever asked for it.
_BETWEEN_MODULES = ("warnings", "importlib", "_frozen_importlib", "airflow.providers.common.compat", "functools")
_BETWEEN_FUNCTIONS = {"__getattr__", "getattr_with_deprecation"}


@contextmanager
def deprecated_calls() -> Iterator[list[str]]:
    """Collect the deprecation warnings that the package is the cause of."""
    found: list[str] = []
    show = warnings.showwarning

    def look(message: Warning, category: type[Warning], filename: str, lineno: int, *rest: object) -> None:
        if issubclass(category, KINDS) and (filename.startswith(PACKAGE) or _called_by_us(sys._getframe(1))):
            found.append(f"{category.__name__}: {message} ({filename}:{lineno})")
        show(message, category, filename, lineno, *rest)  # type: ignore[arg-type]

    warnings.showwarning = look  # type: ignore[assignment]
    try:
        yield found
    finally:
        # Airflow and a test may have put something of their own there; that is then not ours to take away.
        if warnings.showwarning is look:
            warnings.showwarning = show


def _called_by_us(frame: FrameType | None) -> bool:
    """Whether the function that warned is ours, or was called by a function of ours."""
    functions: list[FrameType] = []
    while frame is not None and len(functions) < 2:
        if not _stands_between(frame):
            functions.append(frame)
        frame = frame.f_back
    return any(each.f_code.co_filename.startswith(PACKAGE) for each in functions)


def _stands_between(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__", "")
    return frame.f_code.co_name in _BETWEEN_FUNCTIONS or module.startswith(_BETWEEN_MODULES)
