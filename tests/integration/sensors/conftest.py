"""The sensor waits for runs of the same tasks as the operators do."""

from __future__ import annotations

from tests.integration.operators.conftest import evaluation_task, hook, window

__all__ = ["evaluation_task", "hook", "window"]
