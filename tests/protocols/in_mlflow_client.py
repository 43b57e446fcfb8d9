"""Run in MLflow's environment: ask a server with MLflow's own client, and print what came."""

import json
import sys

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

if __name__ == "__main__":
    host, _, port = sys.argv[1].partition(":")
    client = ScoringServerClient(host, int(port))
    client.ping()
    rows = [["basic", 20, 0.5, False], ["gold", 52, None, True]]
    table = pd.DataFrame(rows, columns=["plan", "age", "balance", "vip"])
    print(json.dumps(client.invoke(table)))
    try:
        client.invoke(table.drop(columns="age"))
    except Exception as error:
        print(json.dumps(str(error)))
