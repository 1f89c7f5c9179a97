"""What a model may label, how that is audited, and what people and models agree on."""
