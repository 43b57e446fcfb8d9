"""The prediction server. It runs in the model's environment, so it imports no framework.

Of Trainshed it may import errors, settings, github, script, ports and itself; of others only
uvicorn, and joblib and pandas when the default predictor needs them.
"""
