"""How long an attempt waits for what it can't see yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Lengths of time, in seconds. Operators have one; tests give them a shorter one.

    :param listing: from the moment a trigger's connection was given up (or a later attempt begins to look) until its
        run, not listed by then, is taken not to exist and the trigger is sent again.
    :param stale: an intent older than this needs one look only: what it started has been listed long since.
    :param twin: from the moment a trigger's connection was given up until the end of a run closes the matter.
    :param rival: with ``same_window``, from the trigger's answer until the list is taken to show the run of another.
    :param identity: how long a run may take to get the experiment by which alone it can be told from others.
    :param cancel: how long a cancelled run may take to end.
    :param pause: between two looks of all these.
    :param kill: all that ``on_kill`` does in a worker must fit between Airflow's SIGTERM and its SIGKILL: 5 s on
        Airflow 3, a minute on 2.11.
    """

    listing: float = 10.0
    stale: float = 300.0
    twin: float = 30.0
    rival: float = 2.0
    identity: float = 120.0
    cancel: float = 120.0
    pause: float = 1.0
    kill: float = 4.5
