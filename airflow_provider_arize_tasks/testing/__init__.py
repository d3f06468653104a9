"""Help for tests of DAGs that use this provider: a local Arize, a connection to it, and a way to run one task.

The fixtures ``arize_emulator``, ``arize_connection`` and ``arize_run_task`` come as a pytest plugin that is active as
soon as this package is installed. They are in :mod:`airflow_provider_arize_tasks.testing.plugin`;
:func:`~airflow_provider_arize_tasks.testing.runner.run_task` works without pytest as well.
"""
