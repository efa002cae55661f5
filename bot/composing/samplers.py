"""The samplers that were fitted to the owner: one for each model, by the digest of its file, and temperature.

A model that was exchanged is another file, and fitted anew. What is kept are five numbers.
"""

from dataclasses import asdict, fields
from datetime import datetime

from sqlite_utils import Database
from sqlite_utils.db import NotFoundError

from bot.composing.sampler import Sampler


class Samplers:
    """All that were fitted."""

    def __init__(self, database: Database) -> None:
        self._table = database.table("sampler")

    def fitted(self, model: str, temperature: float) -> Sampler | None:
        """The sampler of a model's file, by its digest; None where it was not fitted at this temperature."""
        try:
            row = self._table.get((model, temperature))
        except NotFoundError:
            return None
        return Sampler(**{one.name: row[one.name] for one in fields(Sampler)})

    def best(self, model: str, temperature: float) -> Sampler:
        """The fitted one; a plain one where there is none yet."""
        return self.fitted(model, temperature) or Sampler(temperature)

    def keep(self, model: str, sampler: Sampler, at: datetime) -> None:
        """Keep what was fitted."""
        row = {"model": model, **asdict(sampler), "fitted_at": int(at.timestamp())}
        self._table.upsert(row, pk=("model", "temperature"))
