"""What options of several commands mean alike: a chat, and days of the owner's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

DAY = click.DateTime(["%Y-%m-%d"])
YEARS = range(1971, 2038)
"""Telegram counts seconds since 1970, in 32 bits."""


def _in_telegrams_time(context: click.Context, option: click.Parameter, day: datetime | None) -> datetime | None:
    if day and day.year not in YEARS:
        raise click.BadParameter(f"no year before {YEARS[0]} or after {YEARS[-1]}")
    return day


since_option = click.option(
    "--since",
    type=DAY,
    callback=_in_telegrams_time,
    metavar="DAY",
    help="Only messages from this day on: 2024-05-31, in your time zone.",
)
until_option = click.option(
    "--until",
    type=DAY,
    callback=_in_telegrams_time,
    metavar="DAY",
    help="Only messages up to this day, itself included.",
)


def period(since: datetime | None, until: datetime | None, timezone: str) -> tuple[datetime | None, datetime | None]:
    """The moments between which these days lie, the second no longer one of them.

    Raises:
        click.UsageError: there is none between them.
    """
    if since and until and since > until:
        raise click.UsageError("--since lies after --until: nothing was said then")
    zone = ZoneInfo(timezone)
    return (
        since and since.replace(tzinfo=zone).astimezone(UTC),
        until and (until + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC),
    )
