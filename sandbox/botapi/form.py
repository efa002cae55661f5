"""How a call arrives: a form of strings and files. Owns the way from there to aiogram's own method objects."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from aiogram.methods import TelegramMethod
from aiogram.types import BufferedInputFile
from pydantic import ValidationError

from sandbox.errors import Refused

ATTACHED = "attach://"
"""Before the name of the form's part that is the file."""

Method = TypeVar("Method", bound=TelegramMethod[Any])


def read(method: type[Method], form: Mapping[str, str], files: Mapping[str, bytes]) -> Method:
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
            values[name] = _words(form[name], files) if words else _unpack(name, form[name])
        elif words and field.is_required():
            values[name] = ""
    try:
        return method.model_validate(values)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False))
        raise Refused(400, f"Bad Request: can't parse {wrong}") from None


def _words(value: str, files: Mapping[str, bytes]) -> str | BufferedInputFile:
    name = value.removeprefix(ATTACHED)
    return BufferedInputFile(files[name], name) if value != name and name in files else value


def _unpack(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Refused(400, f"Bad Request: can't parse {name} as JSON") from None
