"""The tests in ``project`` are somebody's project: a pytest run of their own, without this suite's fixtures."""

collect_ignore = ["project"]
