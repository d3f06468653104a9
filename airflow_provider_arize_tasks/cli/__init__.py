"""Commands for people: ``python -m airflow_provider_arize_tasks`` anywhere, ``airflow arize`` from Airflow 3.2 on."""
