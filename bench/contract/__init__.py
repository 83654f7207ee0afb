"""Whether a model behaves as the engine expects: `checks` says what that is, `run` tries it."""
