"""A Telegram of our own on this machine, with a made-up cast: MTProto and Bot API over one world."""
