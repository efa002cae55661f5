"""Talking with the double in a terminal: lines in, bubbles out, no network."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime

from bot.composing.compose import compose
from bot.composing.engine import Speaker
from bot.composing.window import Moment, prompt
from trainer.reading.conversations import View
from trainer.reading.dialogue import Turn
from trainer.reading.memory import Memory


def talk(
    speaker: Speaker,
    view: View,
    memory: Memory,
    lines: Iterable[str],
    say: Callable[[str, str], None],
    clock: Callable[[], datetime],
) -> None:
    """Answer each line as if the chat's other side had written it; `say` is given a name and what it says."""
    scene, turns, times = view.scene, list[Turn](), list[datetime]()
    with asyncio.Runner() as runner:
        for line in filter(None, map(str.strip, lines)):
            now = clock()
            turns.append(Turn(scene.chat, False, (line,), mark=view.mark(times[-1] if times else None, now)))
            times.append(now)
            asked = prompt(speaker, Moment(scene, tuple(turns), tuple(times), now, ""), memory)
            composed = runner.run(compose(speaker, asked, wanted=1))
            for burst in composed.bursts:
                turns.append(Turn(scene.owner, True, burst))
                times.append(now)
                for text in burst:
                    say(scene.owner, text)
            if not composed.bursts:
                say(scene.owner, "(says nothing that is fit to send)")
