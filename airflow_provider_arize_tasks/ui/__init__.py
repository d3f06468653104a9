"""A page in Airflow: which windows are evaluated, what runs, what failed and why, and how quality went."""
