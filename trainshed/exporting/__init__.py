"""Exporting a fitted scikit-learn model to ONNX, and proving that it answers equally.

It runs in the model's environment with `requirements/export.txt` beside it. Of Trainshed it may
import what the server may (see `trainshed.serving`) and the server itself; of others scikit-learn,
pandas, joblib, and skl2onnx with onnx and onnxruntime.
"""
