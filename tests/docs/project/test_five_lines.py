"""The DAG test of the page "Testing your DAGs"."""

from dags.daily_quality import dag


# [START five_lines]
def test_daily_quality(arize_emulator, arize_connection):
    run = dag.test()
    assert run.state == "success"
    assert arize_emulator.control.counters()["runs_total"] == 1
    assert arize_emulator.control.ledger(task="daily quality")["twice"] == 0


# [END five_lines]
