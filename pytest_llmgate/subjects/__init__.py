"""What is under test: prompts and Python functions."""
