"""Passwords, QR codes and the list of devices, with an unmodified client."""

import asyncio
import base64

import pytest
from telethon import errors, functions
from telethon.sessions import MemorySession

from sandbox.errors import Refused
from sandbox.passwords import Password
from sandbox.world import LOGIN_CODE
from tests.sandbox_fixtures import connected, make_client

SECRET = "correct horse, ein Pferd: 🐎"


@pytest.fixture
def anna(world):
    return world.person("Anna")


# --- two-step verification


async def test_a_login_by_code_needs_the_password_too(sandbox, world, anna):
    world.set_password(anna, SECRET, hint="the usual")
    async with connected(make_client(sandbox)) as client:
        await client.send_code_request(anna.phone)
        with pytest.raises(errors.SessionPasswordNeededError):
            await client.sign_in(anna.phone, LOGIN_CODE)
        assert not await client.is_user_authorized()
        assert (await client(functions.account.GetPasswordRequest())).hint == "the usual"
        with pytest.raises(errors.PasswordHashInvalidError):
            await client.sign_in(password=SECRET + "!")
        assert not await client.is_user_authorized()
        assert (await client.sign_in(password=SECRET)).id == anna.id
        assert (await client.get_me()).id == anna.id


async def test_a_password_is_no_way_in_without_the_code(sandbox, world, anna):
    world.set_password(anna, SECRET)
    async with connected(make_client(sandbox)) as client:
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await client.sign_in(password=SECRET)


async def test_who_has_no_password_is_told_so(world, anna, client_of):
    client = await client_of(anna)
    assert not (await client(functions.account.GetPasswordRequest())).has_password


def test_a_password_is_not_kept():
    password = Password.of(SECRET, "the usual")
    assert SECRET not in repr(password) and str(password.verifier) not in repr(password)
    assert not hasattr(password, "__dict__") and password.verifier != Password.of(SECRET).verifier


# --- QR codes


async def test_a_scanned_code_lets_the_client_in(sandbox, world, anna):
    async with connected(make_client(sandbox)) as client:
        qr = await client.qr_login()
        waiting = asyncio.create_task(qr.wait())
        await asyncio.sleep(0)
        world.accept_login(anna, qr.url)
        assert (await asyncio.wait_for(waiting, 2)).id == anna.id
        assert (await client.get_me()).id == anna.id
        with pytest.raises(Refused, match="ALREADY_ACCEPTED"):
            world.accept_login(anna, qr.token)


async def test_another_device_of_hers_scans_it(sandbox, world, anna, client_of):
    phone = await client_of(anna)
    async with connected(make_client(sandbox, device_model="Laptop")) as client:
        qr = await client.qr_login()
        waiting = asyncio.create_task(qr.wait())
        await asyncio.sleep(0)
        token = base64.urlsafe_b64decode(qr.url.partition("=")[2] + "==")
        accepted = await phone(functions.auth.AcceptLoginTokenRequest(token))
        await asyncio.wait_for(waiting, 2)
        assert accepted.device_model == "Laptop"
        devices = (await phone(functions.account.GetAuthorizationsRequest())).authorizations
        assert accepted.hash in [device.hash for device in devices]


async def test_a_password_is_asked_for_after_a_scan(sandbox, world, anna):
    world.set_password(anna, SECRET)
    async with connected(make_client(sandbox)) as client:
        qr = await client.qr_login()
        waiting = asyncio.create_task(qr.wait())
        await asyncio.sleep(0)
        world.accept_login(anna, qr.token)
        with pytest.raises(errors.SessionPasswordNeededError):
            await asyncio.wait_for(waiting, 2)
        assert (await client.sign_in(password=SECRET)).id == anna.id


async def test_a_code_runs_out_and_is_made_anew(sandbox, world, anna):
    world.logins.token_life = -1
    async with connected(make_client(sandbox)) as client:
        qr = await client.qr_login()
        with pytest.raises(asyncio.TimeoutError):
            await qr.wait()
        with pytest.raises(Refused, match="AUTH_TOKEN_EXPIRED"):
            world.accept_login(anna, qr.token)
        world.logins.token_life = 30
        old = qr.token
        await qr.recreate()
        assert qr.token != old
        waiting = asyncio.create_task(qr.wait())
        await asyncio.sleep(0)
        world.accept_login(anna, qr.token)
        assert (await asyncio.wait_for(waiting, 2)).id == anna.id


async def test_an_expired_or_invented_token_is_refused(sandbox, world, anna, client_of):
    phone = await client_of(anna)
    world.logins.token_life = -1
    async with connected(make_client(sandbox)) as client:
        qr = await client.qr_login()
        with pytest.raises(errors.AuthTokenExpiredError):
            await phone(functions.auth.AcceptLoginTokenRequest(qr.token))
        with pytest.raises(errors.AuthTokenInvalidError):
            await phone(functions.auth.AcceptLoginTokenRequest(b"invented"))


# --- devices


async def test_every_device_is_listed_this_one_first(world, anna, client_of):
    world.clock = lambda: 1_700_000_000
    await client_of(anna, device_model="Phone", system_version="14", app_version="3.1")
    world.clock = lambda: 1_700_000_060
    laptop = await client_of(anna, device_model="Laptop")
    await client_of(world.person("Boris"))
    mine, other = (await laptop(functions.account.GetAuthorizationsRequest())).authorizations
    assert (mine.current, mine.hash, mine.device_model) == (True, 0, "Laptop")
    assert (other.current, other.device_model, other.system_version, other.app_version) == (False, "Phone", "14", "3.1")
    assert other.hash and other.api_id == laptop.api_id and other.app_name
    assert other.date_created.timestamp() == other.date_active.timestamp() == 1_700_000_000
    assert mine.date_active.timestamp() == 1_700_000_060


async def test_one_device_is_logged_out_by_another(world, anna, client_of):
    phone, laptop = await client_of(anna), await client_of(anna)
    _, other = (await laptop(functions.account.GetAuthorizationsRequest())).authorizations
    with pytest.raises(errors.HashInvalidError):
        await laptop(functions.account.ResetAuthorizationRequest(0))
    world.fault("account.resetAuthorization", error=(406, "FRESH_RESET_AUTHORISATION_FORBIDDEN"))
    with pytest.raises(errors.FreshResetAuthorisationForbiddenError):
        await laptop(functions.account.ResetAuthorizationRequest(other.hash))
    assert await laptop(functions.account.ResetAuthorizationRequest(other.hash))
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await phone.get_dialogs()
    assert await laptop.get_me()


async def test_all_other_devices_are_logged_out_at_once(world, anna, client_of):
    phone, tablet, laptop = [await client_of(anna) for _ in range(3)]
    assert await laptop(functions.auth.ResetAuthorizationsRequest())
    assert await phone.get_me() is None and await tablet.get_me() is None
    assert len(world.logins.of(anna)) == 1 and (await laptop.get_me()).id == anna.id


async def test_a_device_keeps_its_line_over_connections(sandbox, world, anna):
    session = MemorySession()
    for model in ("Old name", "New name"):
        async with connected(make_client(sandbox, session, device_model=model)) as client:
            if not await client.is_user_authorized():
                await client.send_code_request(anna.phone)
                await client.sign_in(anna.phone, LOGIN_CODE)
    (login,) = world.logins.of(anna)
    assert world.logins.device(login).model == "New name"
