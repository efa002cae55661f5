"""What a model reads, in training and in use alike: sessions, turns, marks, what was said before, no secrets."""
