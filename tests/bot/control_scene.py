"""The owner at his control bot: what it shows him, and how he presses."""

import asyncio

from sandbox.values import keyboard


def settings(sandbox, world, contacts):
    """Under [reply] and after it, with a control bot."""
    return f'{contacts}[control]\ntoken = "{world.control_token}"\napi_base = "{sandbox.api_base}"\n'


def control(at):
    return at.world.bot_of(at.world.control_token)


def said(at, to=None):
    """What the control bot said to somebody, the owner if nobody else, oldest first."""
    person = to or at.owner
    conversation = at.world.conversation(person, control(at))
    return [m for m in list(conversation.newest_first(person))[::-1] if m.sender.id == control(at).id]


def cards(at):
    """Its cards of what Anna wrote."""
    return [message for message in said(at) if message.text.startswith("Anna")]


async def a_card(at, text="coming?"):
    """Anna writes, and a card comes of it."""
    at.say(at.person("Anna"), at.owner, text)
    return (await at.until(lambda: [card for card in cards(at) if f"> {text}" in card.text and card.keyboard]))[-1]


def labels(card):
    return [button.text for row in card.keyboard for button in row]


def data(card, label):
    return next(button.data for row in card.keyboard for button in row if button.text == label)


async def press(at, card, label):
    return await at.world.press(at.owner, card, data(card, label))


async def press_stale(at, card, old):
    """A press on a device that still shows the buttons of before."""
    now, card.keyboard = card.keyboard, keyboard([[("old", old)]])
    pressing = asyncio.ensure_future(at.world.press(at.owner, card, old))
    await asyncio.sleep(0)
    card.keyboard = now
    return await pressing
