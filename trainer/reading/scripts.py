"""Scripts that put no space between words, so that each of their signs counts as one. Pure."""

UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
"""One sign, as a pattern: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
