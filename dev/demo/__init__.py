"""``make demo`` and ``make up``: a real Airflow runs the example DAGs against a local Arize."""
