"""Made-up exports of Telegram Desktop's, as it really writes them."""

import json
from pathlib import Path
from typing import Any


def record(message_id: int, sender: str = "user7", **values: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": message_id,
        "type": "message",
        "date": "2024-05-01T14:00:00",
        "date_unixtime": str(1714564800 + message_id),
        "from": {"user1": "Olive", "user7": "Anna"}.get(sender, "Somebody"),
        "from_id": sender,
        "text": "hi",
        "text_entities": [{"type": "plain", "text": "hi"}],
    }
    return plain | values


def chat(*messages: Any, kind: str = "personal_chat", chat_id: int = 7, name: str | None = "Anna") -> dict[str, Any]:
    return {"name": name, "type": kind, "id": chat_id, "messages": list(messages)}


def account(*chats: Any) -> dict[str, Any]:
    person = {"user_id": 1, "first_name": "Olive", "last_name": "Oyl", "phone_number": "+1"}
    return {"personal_information": person, "chats": {"about": "", "list": list(chats)}}


def write(path: Path, data: Any) -> Path:
    file = path / "result.json"
    file.write_text(json.dumps(data))
    return file
