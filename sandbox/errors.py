"""What can go wrong for whoever runs the sandbox; each error says its problem and its fix."""


class SandboxError(Exception):
    """A world that cannot be made or served; the command prints both lines and exits with 2."""

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Refused(Exception):
    """What the world does not let someone do, in Telegram's own code and words."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
