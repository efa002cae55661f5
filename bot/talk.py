"""Talking with the double in a terminal: lines in, bubbles out, no network."""

import asyncio
from collections.abc import Callable, Iterable

from bot.compose import compose
from bot.engine import Speaker
from bot.window import prompt
from trainer.reading.dialogue import Turn
from trainer.reading.prompt import Scene


def talk(speaker: Speaker, scene: Scene, lines: Iterable[str], say: Callable[[str, str], None], *, mark: str) -> None:
    """Answer each line as if the chat's other side had written it; `say` is given a name and what it says.

    `mark` is what is told of the time at which they begin.
    """
    turns: list[Turn] = []
    with asyncio.Runner() as runner:
        for line in filter(None, map(str.strip, lines)):
            turns.append(Turn(scene.chat, False, (line,), mark="" if turns else mark))
            composed = runner.run(compose(speaker, prompt(speaker, scene, turns), wanted=1))
            for burst in composed.bursts:
                turns.append(Turn(scene.owner, True, burst))
                for text in burst:
                    say(scene.owner, text)
            if not composed.bursts:
                say(scene.owner, "(says nothing that is fit to send)")
