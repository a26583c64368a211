"""Where replies come from: OpenAI-compatible servers, Python functions, the model in this process; and their prices."""
