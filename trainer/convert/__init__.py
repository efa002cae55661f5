"""From what was learned to a GGUF that llama.cpp reads."""
