"""How a call arrives: a form of strings. Owns the way from there to aiogram's own method objects."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from aiogram.methods import TelegramMethod
from pydantic import ValidationError

from sandbox.errors import Refused

Method = TypeVar("Method", bound=TelegramMethod[Any])


def read(method: type[Method], form: Mapping[str, str]) -> Method:
    """The method object that a client built before it sent this form.

    Words stand as they are; numbers, truths and objects as JSON. Clients leave out what is empty, so a missing
    text is an empty one.

    Raises:
        Refused: a value is missing, or not of the method's type.
    """
    values: dict[str, Any] = {}
    for name, field in method.model_fields.items():
        words = field.annotation is str or str in get_args(field.annotation)
        if name in form:
            values[name] = form[name] if words else _unpack(name, form[name])
        elif words and field.is_required():
            values[name] = ""
    try:
        return method.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False))
        raise Refused(400, f"Bad Request: can't parse {wrong}") from None


def _unpack(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Refused(400, f"Bad Request: can't parse {name} as JSON") from None
