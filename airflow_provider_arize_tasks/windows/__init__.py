"""Windows for mapped tasks: cut a range into days, hours or anything else.

.. code-block:: python

    from airflow_provider_arize_tasks.windows import cut_windows

    ArizeTriggerEvaluationRunOperator.partial(task_id="evaluate", task="Answer quality", space="prod").expand_kwargs(
        cut_windows("2026-08-01", "2026-11-01", every="day", timezone="Europe/Berlin")
    )
"""

from __future__ import annotations

from airflow_provider_arize_tasks.windows.window import Window, WindowError, cut_windows

__all__ = ["Window", "WindowError", "cut_windows"]
