"""`/train`: the double learns from what the owner said since; he can follow how it goes, and end it."""

from bot.desks.orders.order import Answer
from bot.running.retrain import Retraining
from exporter.errors import DoppelgangerError

CANCEL = "cancel"


async def train(retraining: Retraining, words: str) -> Answer:
    """Begin a training, or say how far the one is that is under way; with `cancel`, end it.

    At the desk that asks first, he is shown how it goes on, and told how it ended.

    Raises:
        DoppelgangerError: `words` are neither.
    """
    if words.casefold() == CANCEL:
        return Answer("It ends in a moment." if retraining.cancel() else "No training is under way.")
    if words:
        raise DoppelgangerError(f"I do not know what /train {words} is", fix=f"/train, or /train {CANCEL}")
    begun, step = retraining.start(), retraining.state.step
    far = f": {step.stage}, {step.share:.0%}" if step else ""
    text = "I look for what was said since, and learn from it." if begun else f"A training is under way{far}."
    work = retraining if retraining.claim() else None
    return Answer(f"{text} I go on drafting and answering; /train {CANCEL} ends it.", work=work)
