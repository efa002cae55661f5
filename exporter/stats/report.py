"""The figures as JSON: everything that was counted, for other programs. Times are seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from exporter.messages import Peer
from exporter.stats.figures import Distribution, Figures, Side
from exporter.stats.vocabulary import Term

QUANTILES = (10, 25, 50, 75, 90)
"""In percent; 50 is the median."""


def to_json(
    figures: Figures, words: Sequence[Term], emoji: Sequence[Term], peers: Mapping[int, Peer], timezone: str
) -> dict[str, Any]:
    """What `json.dumps` takes. People are told by their id; `people` has their names."""
    return {
        "from": str(min(figures.days)),
        "to": str(max(figures.days)),
        "timezone": timezone,
        "owner_id": figures.owner_id,
        "own": _side(figures.own),
        "others": _side(figures.others),
        "chats": [
            {
                "chat_id": chat.peer.peer_id,
                "kind": chat.peer.kind,
                "name": chat.peer.name,
                "own": _side(chat.own),
                "others": _side(chat.others),
            }
            for chat in figures.chats
        ],
        "people": [
            {"sender_id": sender, "name": peers[sender].name if sender in peers else None, "messages": count}
            for sender, count in figures.people.most_common()
        ],
        "days": {
            str(day): {str(sender): count for sender, count in sorted(figures.days[day].items())}
            for day in sorted(figures.days)
        },
        "own_week": figures.own_week,
        "others_week": figures.others_week,
        "words": [_term(term) for term in words],
        "emoji": [_term(term) for term in emoji],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "messages": side.messages,
        "reply_seconds": _distribution(side.latency),
        "burst": _distribution(side.bursts),
    }


def _distribution(seen: Distribution) -> dict[str, Any]:
    mean = None if seen.mean is None else round(seen.mean, 3)
    return {"count": seen.total, "mean": mean, **{f"p{q}": seen.quantile(q / 100) for q in QUANTILES}}


def _term(term: Term) -> dict[str, Any]:
    return {**asdict(term), "score": round(term.score, 3)}
