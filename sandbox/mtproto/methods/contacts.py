"""Finding people by username, and the list of those one knows."""

from telethon.tl import functions, types

from sandbox.errors import Refused
from sandbox.mtproto.registry import Caller, Methods
from sandbox.values import Channel, User

methods = Methods()


@methods.handles(functions.contacts.ResolveUsernameRequest)
def resolve_username(caller: Caller, request: functions.contacts.ResolveUsernameRequest) -> types.contacts.ResolvedPeer:
    """The person, bot or channel with this username."""
    found, renderer = caller.world.named(request.username), caller.renderer
    match found:
        case User():
            return types.contacts.ResolvedPeer(renderer.peer(found), [], [renderer.user(found)])
        case Channel():
            return types.contacts.ResolvedPeer(renderer.peer(found), [renderer.channel(found)], [])
    raise Refused(400, "USERNAME_NOT_OCCUPIED")


@methods.handles(functions.contacts.GetContactsRequest)
def get_contacts(caller: Caller, request: functions.contacts.GetContactsRequest) -> types.contacts.Contacts:
    """Everyone whom he has a private chat with, bots left out."""
    known = [caller.world.users[key] for key in caller.world.box(caller.user).conversations if key > 0]
    people = [user for user in known if not user.bot and user.id != caller.user.id]
    renderer = caller.renderer
    return types.contacts.Contacts(
        [types.Contact(user.id, mutual=True) for user in people], 0, [renderer.user(user) for user in people]
    )
