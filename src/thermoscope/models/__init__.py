"""Where logits come from: one Protocol, the models of transformers behind it, and the bundled model."""
