"""MTProto 2.0 over TCP for unmodified clients: transport, keys, sessions, rendering, one handler per method."""
