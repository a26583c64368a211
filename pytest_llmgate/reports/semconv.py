"""Names of OpenTelemetry's conventions for generative AI, as they are today (semantic-conventions 0.66b2).

They are still in development and moved once, so they stand here instead of being imported. What holds texts of prompts
and replies (`gen_ai.input.messages`, `gen_ai.output.messages`, …) is left out: content is never sent.
"""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - the type of a token of text
ERROR_TYPE = "error.type"
CHAT = "chat"

EVALUATION = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_SCORE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"

TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - the name of a metric
OPERATION_DURATION = "gen_ai.client.operation.duration"
TOKEN_BOUNDS = (
    1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864,
)  # fmt: skip
DURATION_BOUNDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds of buckets that the conventions ask for, in tokens and in seconds."""
