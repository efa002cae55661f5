"""What all sections of the configuration have in common."""

from pydantic import BaseModel, ConfigDict

Contact = int | str
"""A chat as people name one in the config: its id, its @username, or its name as Telegram shows it."""


class Section(BaseModel):
    """Read once, never changed; a typo is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
