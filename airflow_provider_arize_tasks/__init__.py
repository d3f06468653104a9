"""Airflow provider for the tasks API of Arize AX."""

__version__ = "0.1.0"
