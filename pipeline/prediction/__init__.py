"""Trained models on pictures without labels: files in, a table of classes and scores out; export to ONNX."""
