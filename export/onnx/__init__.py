"""The ONNX artefacts for Transformers.js: our own graph, its table and its folder."""
