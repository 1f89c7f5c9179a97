"""What conf/train/finetune.yaml chooses, small and plain, for tests that change a choice or two."""

RAMP = {  # what a learning-rate range test takes of them
    "batch_size": 8,
    "weight_decay": 0.0,
    "layer_decay": None,
    "dropout": 0.0,
    "precision": "fp32",
    "seed": 0,
}
CHOICES = {
    "epochs": 3,
    "batch_size": 8,
    "accumulation": 1,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "warmup_fraction": 0.1,
    "dropout": 0.0,
    "ema_decay": None,
    "views": ["identity"],
    "precision": "fp32",
    "compile": False,
    "deterministic": True,
    "halve_batch": False,
    "checkpoint_seconds": 60,
    "seed": 0,
}
