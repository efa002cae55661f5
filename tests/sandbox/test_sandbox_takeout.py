"""Takeouts, as an unmodified client makes them."""

import pytest
from telethon import errors, functions, types


@pytest.fixture
def anna(world):
    return world.person("Anna")


@pytest.fixture
def boris(world, anna):
    boris = world.person("Boris")
    for n in range(150):
        world.say(boris, anna, str(n), silent=True, date=1 + n)
    return boris


async def test_a_whole_takeout(world, anna, boris, client_of):
    client = await client_of(anna)
    await client.get_dialogs()
    async with client.takeout(users=True, chats=False, files=True, max_file_size=7) as takeout:
        texts = [message.text async for message in takeout.iter_messages(boris.id, wait_time=0)]
    assert len(texts) == 150
    (made,) = world.takeouts
    assert (made.user, made.success) == (anna, True)
    assert made.options == {"message_users": True, "files": True, "file_max_size": 7}
    inside = [call.method for call in world.calls if call.takeout == made.id]
    assert inside == ["messages.getHistory", "messages.getHistory", "account.finishTakeoutSession"]
    assert [call.takeout for call in world.calls if call.method == "messages.getDialogs"] == [None]


async def test_a_takeout_goes_on_in_another_client(world, anna, boris, client_of):
    first = await client_of(anna)
    async with first.takeout(finalize=False, users=True) as takeout:
        await takeout.get_me()
    assert world.takeouts[0].success is None
    second = await client_of(anna)
    second.session.takeout_id = first.session.takeout_id
    async with second.takeout(finalize=False) as takeout:
        await takeout.get_me()
    assert await second.end_takeout(success=True)
    assert [made.success for made in world.takeouts] == [True]
    assert [call.method for call in world.calls].count("account.initTakeoutSession") == 1
    assert second.session.takeout_id is None


async def test_a_takeout_that_is_over_or_unknown_is_refused(world, anna, client_of):
    client = await client_of(anna)
    async with client.takeout(users=True) as takeout:
        await takeout.get_me()
    for takeout_id in (world.takeouts[0].id, 5):
        with pytest.raises(errors.TakeoutInvalidError):
            await client(functions.InvokeWithTakeoutRequest(takeout_id, functions.messages.GetSplitRangesRequest()))


async def test_another_takeout_ends_the_one_before(world, anna, client_of):
    old, new = await client_of(anna), await client_of(anna)
    async with old.takeout(finalize=False, users=True) as outdated, new.takeout(finalize=False, users=True) as takeout:
        with pytest.raises(errors.TakeoutInvalidError):
            await outdated(functions.updates.GetStateRequest())
        assert await takeout(functions.updates.GetStateRequest())


async def test_a_takeout_that_failed_is_told_so(world, anna, client_of):
    client = await client_of(anna)
    with pytest.raises(KeyError):
        async with client.takeout(users=True):
            raise KeyError
    assert world.takeouts[0].success is False


async def test_nobody_goes_on_with_someone_elses_takeout(world, anna, boris, client_of):
    mine, other = await client_of(anna), await client_of(boris)
    async with mine.takeout(finalize=False, users=True):
        pass
    with pytest.raises(errors.TakeoutInvalidError):
        await other(functions.InvokeWithTakeoutRequest(mine.session.takeout_id, functions.updates.GetStateRequest()))


async def test_only_a_takeout_can_be_finished(anna, client_of):
    client = await client_of(anna)
    with pytest.raises(errors.TakeoutRequiredError):
        await client(functions.account.FinishTakeoutSessionRequest(success=True))


async def test_telegram_may_ask_for_a_days_patience(world, anna, client_of):
    client = await client_of(anna)
    world.fault("account.initTakeoutSession", error=(420, "TAKEOUT_INIT_DELAY_86400"))
    with pytest.raises(errors.TakeoutInitDelayError) as delayed:
        async with client.takeout(users=True):
            pass
    assert delayed.value.seconds == 86400 and world.takeouts == []


async def test_history_by_ranges(world, anna, boris, client_of):
    client = await client_of(anna)
    peer = (await client.get_dialogs())[0].input_entity
    history = functions.messages.GetHistoryRequest(peer, 0, None, 0, 10, 0, 0, 0)
    async with client.takeout(users=True) as takeout:
        (everything,) = await takeout(functions.messages.GetSplitRangesRequest())
        assert (everything.min_id, everything.max_id) == (1, 2**31 - 1)
        page = await takeout(functions.InvokeWithMessagesRangeRequest(everything, history))
    assert len(page.messages) == 10 and isinstance(everything, types.MessageRange)
    assert world.calls[-2].takeout == world.takeouts[0].id
