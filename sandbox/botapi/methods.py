"""What a bot may ask for: one handler a method, named in `HANDLERS`. Wording of refusals is Telegram's."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aiogram import methods, types
from aiogram.methods import TelegramMethod

from sandbox.botapi import render
from sandbox.botapi.account import Account
from sandbox.botapi.pictures import photo
from sandbox.errors import Refused
from sandbox.events import Answer
from sandbox.values import LONGEST_TEXT, Entity, Message

MAX_ANSWER = 200
"""Characters that fit into the answer to a press."""
MAX_CAPTION = 1024
"""Characters that fit under a picture."""
MAX_CALLBACK_DATA = 64
"""Bytes that a button can carry."""

Buttons = list[list[tuple[str, str]]]
Handler = Callable[[Account, Any], Awaitable[object]]


async def get_me(account: Account, _: methods.GetMe) -> types.User:
    """Who the bot is."""
    return render.user(account.bot).model_copy(
        update={"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
    )


async def get_updates(account: Account, asked: methods.GetUpdates) -> list[types.Update]:
    """Confirm what came before the offset, then give what there is, or wait for it."""
    if asked.allowed_updates is not None:
        account.updates.allow(asked.allowed_updates)
    account.updates.confirm(asked.offset or 0)
    return await account.updates.poll(limit=min(asked.limit or 100, 100), timeout=asked.timeout or 0)


async def delete_webhook(account: Account, asked: methods.DeleteWebhook) -> bool:
    """There never is one; but what is pending can be dropped."""
    if asked.drop_pending_updates:
        account.updates.clear()
    return True


async def get_webhook_info(account: Account, _: methods.GetWebhookInfo) -> types.WebhookInfo:
    """No webhook."""
    return types.WebhookInfo(url="", has_custom_certificate=False, pending_update_count=len(account.updates))


async def send_message(account: Account, asked: methods.SendMessage) -> types.Message:
    """Write. Of markups the inline keyboard is kept; the others are hints to apps, and the world has none."""
    conversation = account.conversation(asked.chat_id)
    text, entities = _words(asked.text, asked.parse_mode, asked.entities)
    markup = asked.reply_markup if isinstance(asked.reply_markup, types.InlineKeyboardMarkup) else None
    said = account.world.say(
        account.bot,
        conversation.peer(account.bot),
        text,
        entities=entities,
        reply_to=_answered(account, asked),
        keyboard_rows=_buttons(markup),
    )
    return render.message(said, account.bot)


async def send_photo(account: Account, asked: methods.SendPhoto) -> types.Message:
    """Show a picture, sent along as a PNG; words may stand under it."""
    conversation = account.conversation(asked.chat_id)
    picture = photo(asked.photo)
    text, entities = _caption(asked.caption, asked.parse_mode, asked.caption_entities)
    markup = asked.reply_markup if isinstance(asked.reply_markup, types.InlineKeyboardMarkup) else None
    said = account.world.say(
        account.bot,
        conversation.peer(account.bot),
        text,
        entities=entities,
        media=picture,
        reply_to=_answered(account, asked),
        keyboard_rows=_buttons(markup),
    )
    return render.message(said, account.bot)


async def edit_message_text(account: Account, asked: methods.EditMessageText) -> types.Message:
    """New words; the buttons go unless they come along."""
    message = _own(account, asked.chat_id, asked.message_id)
    if message.media is not None:
        raise Refused(400, "Bad Request: there is no text in the message to edit")
    text, entities = _words(asked.text or "", asked.parse_mode, asked.entities)
    account.world.edit(message, text, entities=entities, keyboard_rows=_buttons(asked.reply_markup))
    return render.message(message, account.bot)


async def edit_message_reply_markup(account: Account, asked: methods.EditMessageReplyMarkup) -> types.Message:
    """New buttons, or none, under the same words."""
    message = _own(account, asked.chat_id, asked.message_id)
    account.world.edit(message, keyboard_rows=_buttons(asked.reply_markup))
    return render.message(message, account.bot)


async def delete_message(account: Account, asked: methods.DeleteMessage) -> bool:
    """Take a message away: the bot's own, or in a private chat anybody's."""
    message = account.find(asked.chat_id, asked.message_id, purpose="to delete")
    if message.sender != account.bot and message.conversation.group is not None:
        raise Refused(400, "Bad Request: message can't be deleted")
    account.world.delete(message)
    return True


async def answer_callback_query(account: Account, asked: methods.AnswerCallbackQuery) -> bool:
    """Tell whoever pressed a button that it was heard."""
    text = asked.text or ""
    if len(text) > MAX_ANSWER:
        raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
    query_id = int(asked.callback_query_id) if asked.callback_query_id.isdecimal() else 0
    account.world.answer(query_id, Answer(text, alert=bool(asked.show_alert)))
    return True


async def send_chat_action(account: Account, asked: methods.SendChatAction) -> bool:
    """Be seen typing, or doing something else."""
    conversation = account.conversation(asked.chat_id)
    account.world.type(account.bot, conversation.peer(account.bot), asked.action)
    return True


async def get_chat(account: Account, asked: methods.GetChat) -> types.ChatFullInfo:
    """Who has this id or @username."""
    return render.full_chat(account.peer(asked.chat_id))


async def set_my_commands(account: Account, asked: methods.SetMyCommands) -> bool:
    """What the menu offers; languages are not told apart."""
    account.commands[_scope(asked.scope)] = asked.commands
    return True


async def get_my_commands(account: Account, asked: methods.GetMyCommands) -> list[types.BotCommand]:
    """What the menu offers in this scope."""
    return account.commands.get(_scope(asked.scope), [])


async def agree(_account: Account, _: TelegramMethod[bool]) -> bool:
    """Nothing has to be done."""
    return True


HANDLERS: Mapping[type[TelegramMethod[Any]], Handler] = MappingProxyType(
    {
        methods.GetMe: get_me,
        methods.GetUpdates: get_updates,
        methods.DeleteWebhook: delete_webhook,
        methods.GetWebhookInfo: get_webhook_info,
        methods.SendMessage: send_message,
        methods.SendPhoto: send_photo,
        methods.EditMessageText: edit_message_text,
        methods.EditMessageReplyMarkup: edit_message_reply_markup,
        methods.DeleteMessage: delete_message,
        methods.AnswerCallbackQuery: answer_callback_query,
        methods.SendChatAction: send_chat_action,
        methods.GetChat: get_chat,
        methods.SetMyCommands: set_my_commands,
        methods.GetMyCommands: get_my_commands,
        methods.LogOut: agree,
        methods.Close: agree,
    }
)


def _words(
    text: str, parse_mode: object, entities: Sequence[types.MessageEntity] | None
) -> tuple[str, tuple[Entity, ...]]:
    if isinstance(parse_mode, str):
        raise Refused(400, "Bad Request: the sandbox takes entities, not parse_mode")
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if len(text) > LONGEST_TEXT:
        raise Refused(400, "Bad Request: message is too long")
    return text, tuple(render.world_entity(entity) for entity in entities or ())


def _caption(
    text: str | None, parse_mode: object, entities: Sequence[types.MessageEntity] | None
) -> tuple[str, tuple[Entity, ...]]:
    if len(text or "") > MAX_CAPTION:
        raise Refused(400, "Bad Request: message caption is too long")
    return _words(text, parse_mode, entities) if text else ("", ())


def _buttons(markup: types.InlineKeyboardMarkup | None) -> Buttons:
    """Rows of (text, data). Only buttons that call back exist here."""
    rows = markup.inline_keyboard if markup else []
    for button in (button for row in rows for button in row):
        if not 1 <= len((button.callback_data or "").encode()) <= MAX_CALLBACK_DATA:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return [[(button.text, button.callback_data or "") for button in row] for row in rows]


def _answered(account: Account, asked: methods.SendMessage | methods.SendPhoto) -> Message | None:
    wanted = asked.reply_parameters
    if wanted is None:
        return None
    try:
        return account.find(asked.chat_id, wanted.message_id, purpose="to be replied")
    except Refused:
        if wanted.allow_sending_without_reply is True:
            return None
        raise


def _own(account: Account, chat_id: int | str | None, message_id: int | None) -> Message:
    message = account.find(chat_id, message_id, purpose="to edit")
    if message.sender != account.bot:
        raise Refused(400, "Bad Request: message can't be edited")
    return message


def _scope(scope: types.BotCommandScopeUnion | None) -> str:
    return (scope or types.BotCommandScopeDefault()).model_dump_json()
