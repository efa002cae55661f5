"""When the double speaks: facts, decisions with reasons, and how long it waits."""
