"""`/train`: the double learns from what the owner said since; he can follow how it goes, and end it."""

from bot.desks.orders.order import Answer
from bot.running.retrain import Retraining
from exporter.errors import DoppelgangerError

CANCEL = "cancel"


async def train(retraining: Retraining, words: str) -> Answer:
    """Begin a training, or show the one that is under way; with `cancel`, end it.

    Raises:
        DoppelgangerError: `words` are neither.
    """
    if words.casefold() == CANCEL:
        return Answer("It ends in a moment." if retraining.cancel() else "No training is under way.")
    if words:
        raise DoppelgangerError(f"I do not know what /train {words} is", fix=f"/train, or /train {CANCEL}")
    begun = retraining.start()
    text = "I look for what was said since, and learn from it." if begun else "A training is under way."
    return Answer(f"{text} I go on drafting and answering; /train {CANCEL} ends it.", work=retraining)
