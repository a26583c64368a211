"""For users' own tests: assertions on one reply, prompts without a network, models that say what they are told."""
