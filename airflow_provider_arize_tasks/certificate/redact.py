"""What of a server's text may stand in a certificate: words of the trade, and nothing of anybody's."""

from __future__ import annotations

import hashlib
import re

from airflow_provider_arize_tasks.client.names import is_id

_TOKEN = re.compile(r"[A-Za-z0-9_+/=.:-]+|\S")
_MOST = 60
#: Words that refusals of an API use. All else becomes an ellipsis, so no name, text or key gets through.
_VOCABULARY = """
task_id run_id task_run_id evaluator_id evaluator_name evaluator_version_id version_id experiment_id created_at
a all already an and another any api are argument at bad be been between body by can cannot cancel
cancelled completed conflict create created data dataset date datetime deleted does ended end
evaluation evaluations evaluator evaluators exist exists experiment failed field for found given has
have id in invalid is iso it key labels limit longer matching max_spans must name named names no not
of offset on or override_evaluations parameter pending present previous range request resource run
running same span spans start state status such task terminal that the there this time timestamp to
trigger type unique unprocessable utc value while window with without
"""
_WORDS = frozenset(_VOCABULARY.split())


def redacted(text: str | None) -> str | None:
    """A server's text with every word that could be somebody's replaced.

    :param text: such as the detail of a refusal.
    :return: at most 60 words; ids as a hash, the rest as an ellipsis.
    """
    if not text:
        return None
    shown: list[str] = []
    for token in _TOKEN.findall(text):
        word = _shown(token)
        if word != "…" or shown[-1:] != ["…"]:
            shown.append(word)
    return " ".join(shown[:_MOST])


def _shown(token: str) -> str:
    bare = token.strip(".:-")
    if bare.lower() in _WORDS:
        return bare.lower()
    return hashed(bare) if is_id(bare) else "…"


def hashed(text: str) -> str:
    """A text as a hash that tells two apart, and no more.

    :param text: such as an id.
    """
    return "#" + hashlib.sha256(text.encode()).hexdigest()[:10]
