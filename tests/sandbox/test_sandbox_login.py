"""Logging in by phone and code, with an unmodified client and a real key exchange."""

import pytest
from telethon import errors
from telethon.crypto import Factorization
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpIntermediate
from telethon.sessions import MemorySession

from sandbox.mtproto.keys import P, Q
from sandbox.world import LOGIN_CODE
from tests.sandbox_fixtures import connected, make_client


@pytest.mark.parametrize("transport", [ConnectionTcpFull, ConnectionTcpAbridged, ConnectionTcpIntermediate])
async def test_a_person_logs_in_by_code_over_each_transport(sandbox, world, transport):
    anna = world.person("Anna Berg")
    async with connected(make_client(sandbox, connection=transport)) as client:
        assert not await client.is_user_authorized()
        await client.send_code_request(anna.phone)
        me = await client.sign_in(anna.phone, LOGIN_CODE)
        assert (me.id, me.first_name, me.last_name, f"+{me.phone}") == (anna.id, "Anna", "Berg", anna.phone)
        assert await client.is_user_authorized()


def test_the_proof_of_work_never_fails_by_chance():
    assert {Factorization.factorize(P * Q) for _ in range(2000)} == {(P, Q)}


async def test_what_is_wrong_is_refused_and_can_be_put_right(sandbox, world):
    anna = world.person("Anna")
    async with connected(make_client(sandbox)) as client:
        with pytest.raises(errors.PhoneNumberUnoccupiedError):
            await client.send_code_request("+999660000000")
        await client.send_code_request(anna.phone)
        with pytest.raises(errors.PhoneCodeInvalidError):
            await client.sign_in(anna.phone, "11111")
        assert (await client.sign_in(anna.phone, LOGIN_CODE)).id == anna.id


@pytest.mark.parametrize("wrong", [{"api_id": 1}, {"api_hash": "0" * 32}])
async def test_an_unknown_app_is_refused(sandbox, world, wrong):
    anna = world.person("Anna")
    async with connected(make_client(sandbox)) as client:
        vars(client).update(wrong)
        with pytest.raises(errors.ApiIdInvalidError):
            await client.send_code_request(anna.phone)


async def test_a_session_outlives_its_connection(sandbox, world):
    anna = world.person("Anna")
    session = MemorySession()
    async with connected(make_client(sandbox, session)) as client:
        await client.send_code_request(anna.phone)
        await client.sign_in(anna.phone, LOGIN_CODE)
    async with connected(make_client(sandbox, session)) as again:
        assert (await again.get_me()).id == anna.id


async def test_after_logging_out_nothing_is_answered(sandbox, world, client_of):
    client = await client_of(world.person("Anna"))
    await client.log_out()
    assert world.logins.of(world.owner) == []
    assert not client.is_connected()


async def test_a_revoked_session_is_told_so(sandbox, world, client_of):
    anna = world.person("Anna")
    client = await client_of(anna)
    world.revoke(anna)
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client.get_dialogs()


async def test_a_key_that_is_not_known_is_a_transport_error(sandbox, world, client_of):
    client = await client_of(world.person("Anna"))
    sandbox.mtproto.keys.clear()
    with pytest.raises(errors.AuthKeyNotFound):
        await client.get_me()


async def test_a_bot_logs_in_by_its_token(sandbox, world):
    bot = world.bot("77:token", "helper_bot")
    async with connected(make_client(sandbox)) as client:
        me = await client.sign_in(bot_token="77:token")
        assert me.bot and me.id == bot.id
        with pytest.raises(errors.AccessTokenInvalidError):
            async with connected(make_client(sandbox)) as other:
                await other.sign_in(bot_token="77:wrong")
