"""Benchmarks: what waiting costs, on its own and through a real Airflow. Run them with ``python -m dev.benchmarks``."""
