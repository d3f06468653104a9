"""Text for terminals, pipes and logs, drawn by rich."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: Wide enough that nothing is folded: a log has no width.
UNLIMITED: Final = 400
_PLAIN: Final[dict[str, Any]] = {"highlight": False, "markup": False, "emoji": False}


def standard_output(color: str = "auto") -> Console:
    """What standard output can show.

    :param color: ``auto`` (default: on a terminal that has colours, unless ``NO_COLOR`` is set), ``always`` or
        ``never``.
    """
    from rich.console import Console

    if color == "always":
        return Console(file=sys.stdout, force_terminal=True, color_system="standard", no_color=False, **_PLAIN)
    return Console(file=sys.stdout, color_system="auto" if color == "auto" else None, **_PLAIN)


def log() -> Console:
    """What a task log can show: lines of any length, without colour."""
    from rich.console import Console

    return Console(file=io.StringIO(), width=UNLIMITED, color_system=None, **_PLAIN)


def drawn(console: Console, *parts: RenderableType) -> str:
    """Parts as text, each on lines of its own, without blanks at the ends of lines.

    :param console: what can be shown.
    :param parts: anything of rich's. Mere text keeps its lines, however long they are.
    """
    from rich.text import Text

    with console.capture() as captured:
        for part in parts:
            console.print(part, soft_wrap=isinstance(part, (str, Text)))
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())
