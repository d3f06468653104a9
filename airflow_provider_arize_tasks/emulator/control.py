"""A small client of the emulator's control path; it needs nothing beyond the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


#: The emulator is on this machine or next door: no proxy of the environment's stands between.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorError(RuntimeError):
    """The emulator refused a control request, or isn't there."""


class EmulatorControl:
    """Sets the stage of a running emulator and reads what happened.

    :param url: base URL of the emulator, such as ``http://127.0.0.1:8899``.
    :param timeout: seconds to wait for an answer.
    """

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout

    def _call(self, method: str, path: str, body: Any = None, query: Sequence[tuple[str, str]] = ()) -> Any:
        suffix = f"?{urllib.parse.urlencode(query)}" if query else ""
        data = None if body is None else json.dumps(body, default=_plain).encode()
        request = urllib.request.Request(  # noqa: S310 -- the address is the caller's own emulator
            f"{self.url}/_emulator/{path}{suffix}", data=data, method=method
        )
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with _OPENER.open(request, timeout=self.timeout) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise EmulatorError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None
        except OSError as error:
            raise EmulatorError(f"no emulator at {self.url}: {error}") from error

    def status(self) -> dict[str, Any]:
        """API level, settings, number of spans per project, and ids of the seeded space, project and dataset."""
        return dict(self._call("GET", "status"))

    def reset(self, *, spans: bool = True, frozen_at: datetime | str | None = None) -> None:
        """Back to how the emulator was started: its seed, no tasks, no runs, no faults, no records.

        :param spans: seed the spans as well; ``False`` leaves the project empty.
        :param frozen_at: let the clock stand still at this time, so that replies are the same from one time to the
            next; :meth:`advance_clock` moves it.
        """
        self._call("POST", "reset", {"spans": spans, "frozen_at": frozen_at})

    def advance_clock(self, seconds: float) -> None:
        """Move the server's clock ahead of where it is.

        :param seconds: by how much.
        """
        self._call("POST", "configure", {"advance_clock_seconds": seconds})

    def configure(self, **settings: Any) -> dict[str, Any]:
        """Change settings, which hold for the runs that follow.

        :param settings: ``run_seconds``, ``pending_seconds``, ``hidden_seconds``, ``max_spans``, ``record_requests``,
            ``clock_offset_seconds``; lags: ``index_lag_seconds``, ``span_lag_seconds``, ``label_lag_seconds``,
            ``arrival_slack_seconds``; what the reference leaves open: ``counts`` (``items`` or ``per_evaluator``),
            ``oldest_first``, ``group_labels`` (``all`` or ``first``), ``evaluation_metadata``,
            ``free_experiment_names``, ``spans_status``.
        :return: all of them.
        """
        return dict(self._call("POST", "configure", settings)["settings"])

    def add_spans(
        self,
        *,
        project: str | None = None,
        times: Iterable[datetime | str] | None = None,
        count: int | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        attributes: Mapping[str, Any] | None = None,
        arrives_after: float | None = None,
    ) -> list[str]:
        """Add spans at given times, or a number of them evenly over ``[start, end)``.

        :param project: name or id; the seeded project by default; a new name makes a new project.
        :param times: the times.
        :param count: how many, with ``start`` and ``end``.
        :param start: beginning of the range.
        :param end: its end, not included.
        :param attributes: columns that every span gets, for query filters.
        :param arrives_after: seconds from the time of a span to its arrival; before that nobody sees it, and once it
            has arrived, ``POST /v2/spans`` finds it only where the range reaches near its arrival. By default it
            arrives at its time.
        :return: ids of the spans.
        """
        body: dict[str, Any] = {"project": project, "attributes": dict(attributes or {})}
        body["arrives_after"] = arrives_after
        if times is not None:
            body["times"] = list(times)
        else:
            body |= {"count": count, "start": start, "end": end}
        return list(self._call("POST", "spans", body)["span_ids"])

    def add(self, kind: str, name: str, **fields: Any) -> str:
        """Add a ``space``, ``project``, ``dataset`` (``examples``), ``dataset_version`` (``dataset``, ``examples``),
        ``evaluator`` (``choices``, ``granularity`` or a whole ``config``), ``evaluator_version`` (``evaluator``),
        ``integration`` (``type``: ``LLM``, the default, or ``AGENT``) or ``prompt`` (``messages``, ``model`` and so
        on; see :meth:`add_prompt`).

        :param kind: what to add.
        :param name: its name.
        :param fields: what it takes; ``space`` is a name or id, the first space by default.
        :return: its id.
        """
        return str(self._call("POST", "add", {"kind": kind, "name": name, **fields})["id"])

    def add_evaluator_version(
        self,
        evaluator: str,
        *,
        config: Mapping[str, Any] | None = None,
        created_at: datetime | str | None = None,
    ) -> str:
        """Add a version to an evaluator, which judges from then on wherever a task doesn't pin another.

        :param evaluator: name or id.
        :param config: its template or code configuration; that of the version before by default.
        :param created_at: when it was made, now by default. In the future, it shows and judges from then on.
        :return: id of the version.
        """
        return self.add("evaluator_version", "", evaluator=evaluator, config=config, created_at=created_at)

    def add_prompt(
        self, name: str, messages: Sequence[Mapping[str, Any]], *, space: str | None = None, **body: Any
    ) -> str:
        """Add a prompt to the Prompt Hub, with one version.

        :param name: its name.
        :param messages: its messages, roles in upper case.
        :param space: name or id; the first space by default.
        :param body: ``input_variable_format`` (``F_STRING`` by default), ``provider`` (``OPEN_AI`` by default),
            ``model``, ``invocation_params``, ``provider_params``, ``commit_message``, ``description``, ``created_at``.
        :return: its id.
        """
        return self.add("prompt", name, messages=list(messages), space=space, **body)

    def add_prompt_version(self, prompt: str, *, label: str | None = None, **body: Any) -> str:
        """Add a version to a prompt, which is its latest from now on.

        :param prompt: name or id.
        :param label: a label to point to it.
        :param body: as of :meth:`add_prompt`; what is left out is as in the version before.
        :return: id of the version.
        """
        given = {"prompt": prompt, "label": label, "created_at": body.pop("created_at", None), "version": body}
        return str(self._call("POST", "prompts", given)["version_id"])

    def move_prompt_label(self, prompt: str, label: str, version_id: str | None = None) -> None:
        """Point a label to a version of a prompt.

        :param prompt: name or id of the prompt.
        :param label: the label, such as ``production``.
        :param version_id: the version; the latest by default.
        """
        self._call("POST", "prompts", {"prompt": prompt, "label": label, "version_id": version_id})

    def remove_prompt_label(self, prompt: str, label: str) -> None:
        """Take a label away from a prompt.

        :param prompt: name or id of the prompt.
        :param label: the label.
        """
        self._call("POST", "prompts", {"prompt": prompt, "label": label, "remove": True})

    def set_outcome(self, status: str = "COMPLETED", **rule: Any) -> None:
        """Stage how coming runs end; the first rule that matches and isn't used up holds.

        :param status: terminal status; any text, for clients that meet a status they don't know.
        :param rule: ``reason``, ``task`` (name or id), ``experiment`` (regular expression on its name), ``times``
            (1 by default, ``None`` for all), ``run_seconds``, ``pending_seconds``, ``hidden_seconds``, ``errors``,
            ``skipped``, ``successes`` (makes all three counts verbatim), ``labelled_fraction``.
        """
        self._call("POST", "outcomes", {"status": status, **rule})

    def clear_outcomes(self) -> None:
        """Forget staged outcomes."""
        self._call("DELETE", "outcomes")

    def set_answers(self, **rule: Any) -> None:
        """Stage how the app fares in experiments; the last rule that matches holds.

        :param rule: ``app_errors`` and ``vanished`` (each a share of the examples, or the ids of some),
            ``hardest_for``, ``experiment`` (regular expression on its name), ``seed``.
        """
        self._call("POST", "answers", rule)

    def clear_answers(self) -> None:
        """Forget staged answers."""
        self._call("DELETE", "answers")

    def set_quality(self, evaluator: str | None = None, mean: float = 0.85, **rule: Any) -> None:
        """Stage how good experiments are in the eyes of an evaluator; the last rule that matches holds.

        :param evaluator: name or id; all by default.
        :param mean: expected score, or the probability of the better choice.
        :param rule: ``experiment`` (regular expression on its name), ``spread``, ``noise``, ``missing``,
            ``judge_errors``, ``not_parsable`` (each a share of the examples, or the ids of some),
            ``not_parsable_score``, ``hardest_first``, ``cluster_by`` with ``icc``, ``mood``, ``slide``,
            ``late_seconds``, ``seed``.
        """
        self._call("POST", "quality", {"evaluator": evaluator, "mean": mean, **rule})

    def clear_quality(self) -> None:
        """Forget staged qualities."""
        self._call("DELETE", "quality")

    def inject(self, kind: str, **fault: Any) -> int:
        """Inject a fault.

        :param kind: ``status``, ``drop_before``, ``slow``, ``silent``, ``html`` before the request takes effect;
            ``status_after``, ``drop_after``, ``slow_after``, ``silent_after``, ``html_after``, ``edit`` after it;
            ``status_late``, ``drop_late``, ``silent_late``, ``html_late`` let it take effect ``late_seconds`` later.
        :param fault: ``method`` and ``path`` (regular expressions), ``times`` (1 by default, ``None`` for all),
            ``skip``, ``probability`` with ``seed``, ``status``, ``headers``, ``detail``, ``body``, ``seconds``,
            ``late_seconds``, ``set``, ``remove``.
        :return: number of the fault.
        """
        return int(self._call("POST", "faults", {"kind": kind, **fault})["id"])

    def outage(self, seconds: float, *, mode: str = "drop", status: int = 503) -> None:
        """Nobody answers for a while.

        :param seconds: how long.
        :param mode: ``drop`` closes each connection without an answer, ``status`` answers ``status``, ``refuse``
            closes the listening socket, so that this control path is gone as well.
        :param status: HTTP status of mode ``status``.
        """
        self._call("POST", "outage", {"seconds": seconds, "mode": mode, "status": status})

    def weather(self, kind: str | None = None, *, seed: int | None = None, **settings: Any) -> dict[str, Any]:
        """Let things go wrong by themselves, as far as one can tell from outside; the same again for the same seed.

        :param kind: ``bad`` for a mixture of everything, ``clear`` for nothing; without it the weather so far changes.
        :param seed: changes every draw; 0 by default, where a kind is given.
        :param settings: single settings, which go before the kind's: ``server_skew_seconds``,
            ``gateway_skew_seconds``, ``latency_seconds``, ``list_lags`` with ``list_lag_seconds``, ``offset_cursors``,
            ``shifted_pages``, ``page_size``, ``late_triggers`` with ``late_seconds`` and ``silent_seconds``,
            ``gateway_pages``, ``timeouts``, ``throttled`` with ``retry_after_seconds``, ``dropped``. A plural is the
            share (0 to 1) of the requests, runs or pages that it strikes.
        :return: all of them.
        """
        given = {**settings, "kind": kind, "seed": seed}
        body = {name: value for name, value in given.items() if value is not None or name not in ("kind", "seed")}
        return dict(self._call("POST", "weather", body)["settings"])

    def clear_faults(self) -> None:
        """Clear faults and end an outage."""
        self._call("DELETE", "faults")

    def counters(self) -> dict[str, Any]:
        """What was counted.

        :return: requests by operation (``requests``) and status (``statuses``), the most requests open at once
        (``open_most``), runs started by task id (``runs_started``) and name (``runs_started_by_name``), in all
        (``runs_total``) and by status (``runs_by_status``), faults by kind (``faults``), what the weather did
        (``weather``).
        """
        return dict(self._call("GET", "counters"))

    def requests(self, after: int = 0) -> list[dict[str, Any]]:
        """The recorded requests, oldest first, credentials left out.

        :param after: only those after this ``number``.
        """
        return list(self._call("GET", "requests", query=[("after", str(after))]))

    def forget_requests(self) -> None:
        """Forget recorded requests and request counters."""
        self._call("DELETE", "requests")

    def runs(self, task: str | None = None) -> list[dict[str, Any]]:
        """Every run, oldest first, hidden ones too.

        :param task: name or id of a task; all by default.
        """
        return list(self._call("GET", "runs", query=[("task", task)] if task else []))

    def start_runs(self, task: str, count: int, run_seconds: float = 60.0) -> list[str]:
        """Start many runs that evaluate nothing, for load tests.

        :param task: name or id of the task.
        :param count: how many.
        :param run_seconds: how long each lasts.
        :return: their ids.
        """
        body = {"task": task, "count": count, "run_seconds": run_seconds}
        return list(self._call("POST", "runs", body)["run_ids"])

    def end_run(self, run_id: str, status: str = "COMPLETED", **fields: Any) -> None:
        """End a run at once, as if somebody else had done so.

        :param run_id: the run.
        :param status: terminal status.
        :param fields: ``reason``, ``successes``, ``errors``, ``skipped``.
        """
        path = f"runs/{urllib.parse.quote(run_id, safe='')}"
        self._call("POST", path, {"status": status, **fields})

    def forget_runs(self, task: str, start: datetime | str, end: datetime | str) -> list[str]:
        """Punch a hole into what a task has evaluated: as if its runs over a range had never been.

        :param task: name or id of the task.
        :param start: beginning of the range; a run whose window touches the range goes, with the labels it gave.
        :param end: end of the range, not included.
        :return: ids of the runs that are gone.
        """
        return list(self._call("POST", "forget_runs", {"task": task, "start": start, "end": end})["run_ids"])

    def ledger(
        self,
        *,
        project: str | None = None,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        task: str | None = None,
        evaluators: Sequence[str] = (),
        details: bool = False,
        current: bool = False,
    ) -> dict[str, Any]:
        """How often each span of ``[start, end)`` was labelled by each evaluator.

        :param project: name or id; the task's project, else the seeded one.
        :param start: beginning of the range; all spans by default.
        :param end: end of the range, not included.
        :param task: name or id of the task whose evaluators count; all of the project's tasks by default.
        :param evaluators: names or ids of the evaluators that count, instead of a task's.
        :param details: list every span with its labels under ``labels``.
        :param current: count only labels by the version of each evaluator that judges now: the task's pin, else the
            latest.
        :return: ``spans``, ``traces``, ``sessions``, ``once``, ``missed``, ``twice``, ``by_evaluator`` (each also with
            ``by_version``: spans labelled by each version), ``missed_spans``, ``twice_spans``.
        :raises EmulatorError: the project has no evaluation task, and nothing labelled its spans.
        """
        given = {"project": project, "start": _plain(start), "end": _plain(end), "task": task}
        query = [(name, str(value)) for name, value in given.items() if value is not None]
        query += [("evaluator", name) for name in evaluators]
        query += [("details", "true")] if details else []
        query += [("current", "true")] if current else []
        return dict(self._call("GET", "ledger", query=query))

    def experiments(self) -> list[dict[str, Any]]:
        """Every experiment with its rows, their scores, and the runs that scored each (``labelled_by``)."""
        return list(self._call("GET", "experiments"))


def _plain(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    return value.isoformat()
