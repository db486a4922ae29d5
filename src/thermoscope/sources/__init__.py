"""Where texts come from: a local model, or an endpoint that speaks OpenAI's protocol."""
