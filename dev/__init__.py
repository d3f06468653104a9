"""What only developers need: benchmarks, the demo, a local Airflow, tools. Not part of the installed package."""
