"""What becomes of groups: basic ones grow into supergroups, and forums have topics."""

from sandbox.talk import Talk
from sandbox.values import Action, Channel, Group, Message, User


class Forums(Talk):
    """Groups that change."""

    def migrate(self, group: Group, *, date: float | None = None, silent: bool = False) -> Channel:
        """Make a supergroup of a basic group, with the same members. The old history stays where it is, and ends.

        Args:
            date: seconds since 1970; now when left out.
            silent: it was so long ago that nobody is told.
        """
        when = int(self.clock() if date is None else date)
        members = [self.users[user_id] for user_id in group.member_ids]
        channel = self.supergroup(group.title, members, created=when)
        gone = Action("migrate_to_supergroup", peer=channel)
        self.say(members[0], group, "", action=gone, date=when, silent=silent)
        self.migrated[group.id] = channel
        came = Action("migrate_from_group", title=group.title, peer=group)
        self.say(members[0], channel, "", action=came, date=when, silent=silent)
        return channel

    def group_before(self, channel: Channel) -> Group | None:
        """The basic group that became this supergroup."""
        return next((self.groups[key] for key, became in self.migrated.items() if became == channel), None)

    def topic(
        self,
        channel: Channel,
        title: str,
        *,
        by: User | None = None,
        date: float | None = None,
        silent: bool = False,
    ) -> Message:
        """Begin a topic of a forum; the message that tells of it stands for the topic ever after."""
        root = self.say(
            by or self.users[channel.creator_id],
            channel,
            "",
            action=Action("topic_created", title=title),
            date=date,
            silent=silent,
        )
        root.conversation.begin_topic(root)
        return root
