"""What dvc.yaml runs: load parameters, read artifacts, build nouns, call, write."""
