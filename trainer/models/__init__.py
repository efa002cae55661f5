"""The doubles that were trained: proved, kept in a registry, brought in, and which of them is in use."""
