"""A local Arize: an HTTP server that speaks the tasks API, for tests, demonstrations and CI.

Start it with ``python -m airflow_provider_arize_tasks.emulator --port 8899``, or from Python with
:func:`airflow_provider_arize_tasks.emulator.process.running_emulator`. It holds spans with timestamps, labels them as
evaluation runs would, and keeps a ledger of which span was labelled by which run. It shares no code with this
package's client, so that a mistake in one shows against the other.
"""
