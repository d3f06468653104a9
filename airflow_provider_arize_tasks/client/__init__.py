"""The Arize client: types, endpoints, errors, retry and both transports. Knows nothing of Airflow."""
