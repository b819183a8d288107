"""Exporting: ONNX and LiteRT artefacts of a merged model, in the layouts that the browser engines load."""
