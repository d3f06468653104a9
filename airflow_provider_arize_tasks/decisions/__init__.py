"""Pure decisions about windows, runs, verdicts and polling. No I/O, no Airflow."""
