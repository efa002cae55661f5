"""Which messages of a desk the owner still sees when he opens it: the newest few."""

from collections import deque

NEAR = 5
"""More do not fit on a phone's screen."""


class Sight:
    """Knows what it was told of since the start; after a restart nothing is in sight, and cards go to the end."""

    def __init__(self) -> None:
        self._newest: deque[int] = deque(maxlen=NEAR)

    def see(self, message_id: int) -> int:
        """A message was written, by whomever; its id."""
        if message_id not in self._newest:
            self._newest.append(message_id)
        return message_id

    def holds(self, message_id: int) -> bool:
        """Whether that message is among the newest."""
        return message_id in self._newest
