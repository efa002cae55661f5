"""A group with topics: what is sent goes to the topic in which the owner was spoken to."""

import pytest

from sandbox.values import GENERAL


@pytest.fixture
def world(world):
    anna = next(user for user in world.users.values() if user.name == "Anna")
    forum = world.supergroup("House", [world.owner, anna], forum=True)
    world.topic(forum, "Garden", by=anna, silent=True)
    return world


@pytest.fixture
def more_settings():
    return 'draft = ["House"]\n'


@pytest.mark.parametrize("topic", ["Garden", "General"])
async def test_an_answer_goes_to_the_topic_of_what_it_answers(at, topic):
    anna, (forum,) = at.person("Anna"), at.world.channels.values()
    (garden,) = (one for one in at.world.conversation(anna, forum).messages if one and one.begins_topic)
    in_garden = topic == "Garden"
    async with at.running():
        at.say(anna, forum, "@olive, who waters the roses?", topic=garden if in_garden else None)
        (card,) = await at.until(at.saved)
        at.say(at.owner, at.owner, "1", reply_to=card)
        answer = await at.until(lambda: next((one for one in at.chat(anna, forum) if one.text == "yes"), None))
    assert answer.topic_for(anna) == (garden.id_for(anna) if in_garden else GENERAL)
    (typing,) = [call.request for call in at.world.calls if call.method == "messages.setTyping"]
    assert typing.top_msg_id == (garden.id_for(at.owner) if in_garden else None)
