"""Texts of trainshed.yml: good ones, and every mistake that a person can make in one."""

DIGEST = "0a" * 32
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8gFoqo62Nu1aJ4w8bQOfOcRYUqz0mrxgz0NaGZw3rA"
BASE = """\
models:
  churn:
    data: data/v1/train.csv
    train: [python, train.py, "{data}", "{out}"]
    metrics: {f1: {direction: maximize}}
"""
SECOND = BASE.removeprefix("models:\n").replace("churn:", "fraud:")
DESIGN = f"""\
models:
  churn:
    data: data/v1/train.csv          # a tracked file or folder; or fetched:
    target: churn                    # the column to predict
    train: [python, pipelines/train.py, --data, "{{data}}", --out, "{{out}}"]
    inputs: [pipelines/]
    lock: requirements/train.txt     # the training environment; part of the run id
    env: {{SEED: "{{seed}}"}}
    timeout: 30m
    metrics:
      f1:       {{direction: maximize, min: 0.80, tolerance: 0.01}}
      log_loss: {{direction: minimize, tolerance: 0.02}}
    image: ghcr.io/{{owner}}/churn
    serve:
      predictor: pipelines.predict:predict
      include: [pipelines/]
  lifetime:                          # a second model, another language, released on its own
    data: {{path: data/big.parquet, fetch: [dvc, pull, data/big.parquet], sha256: {DIGEST}}}
    target: months
    train: [bash, pipelines/lifetime.sh, "{{data}}", "{{out}}"]
    metrics: {{rmse: {{direction: minimize}}}}
    serve: none
environments:
  production: {{target: docker, port: 8080}}
"""


def model(**changes: str) -> str:
    """The smallest configuration, with keys of its model replaced or added."""
    keys = dict(line.strip().split(": ", 1) for line in BASE.splitlines()[2:])
    lines = [f"    {key}: {value}\n" for key, value in (keys | changes).items()]
    return f"models:\n  churn:\n{''.join(lines)}"


def metric(text: str) -> str:
    return model(metrics=f"{{f1: {text}}}")


def environment(text: str, *, of: str = BASE) -> str:
    return f"{of}environments: {{production: {text}}}\n"


def host(url: str, key: str = HOST_KEY) -> str:
    about = f"host: \"{url}\", host_key: '{key}'"
    return environment(f"{{target: docker, {about}, port: 1}}")


# No YAML, or YAML that would silently lose something.
UNREADABLE = {
    "not YAML": "models: [",
    "a tab": "models:\n\tchurn: 1",
    "a date there is not": model(target="2020-13-45"),
    "a Python object": "models: !!python/object:os.system {}",
    "a key twice": f"{BASE}models: {{}}\n",
    "a key twice, deep inside": metric("{direction: maximize, min: 1, min: 2}"),
    "a key that is a list": "? [a]\n: b",
    "bytes that are not UTF-8": "é: 1".encode("latin-1"),
}
# What the JSON Schema refuses too.
WRONG = {
    "an empty file": "",
    "a list": "- churn",
    "no models": "environments: {}",
    "no model": "models: {}",
    "models without a value": "models:",
    "a model without a value": "models: {churn: }",
    "an unknown key at the top": f"{BASE}model: 1\n",
    "an unknown key in a model": model(colour="red"),
    "a misspelling outranks what it left missing": BASE.replace("metrics:", "metrcs:"),
    "an unknown key in data": model(data="{pth: a}"),
    "an unknown key in a metric": metric("{direction: maximize, tolerence: 1}"),
    "an unknown key in serve": model(serve="{predicter: a:b}"),
    "an unknown key in an environment": environment("{target: process, prt: 1}"),
    "no data": BASE.replace("    data: data/v1/train.csv\n", ""),
    "fetched data without a path": model(data=f"{{fetch: [a], sha256: {DIGEST}}}"),
    "no direction": metric("{min: 1}"),
    "no port": environment("{target: process}"),
    "a model in capitals": BASE.replace("churn:", "Churn:"),
    "a model with an underscore": BASE.replace("churn:", "my_churn:"),
    "a model with a long name": BASE.replace("churn:", f"{'a' * 65}:"),
    "a model that is a number": BASE.replace("churn:", "1:"),
    "an environment in capitals": f"{BASE}environments: {{Live: {{target: process, port: 1}}}}",
    "a variable with an equals sign": model(env='{"A=B": c}'),
    "data that is a number": model(data="3"),
    "an odd digest": model(data="{path: a, fetch: [b], sha256: abc}"),
    "fetch as one text": model(data=f"{{path: a, fetch: dvc pull, sha256: {DIGEST}}}"),
    "inputs as one text": model(inputs="a/"),
    "an image that is a number": model(image="3"),
    "train as one text": model(train="python a.py"),
    "an empty train": model(train="[]"),
    "a number in train": model(train="[python, 3]"),
    "a placeholder without quotes": model(train="[python, {data}]"),
    "a number in env": model(env="{SEED: 1}"),
    "a timeout without a unit": model(timeout="30"),
    "a timeout in days": model(timeout="2d"),
    "a timeout without end": model(timeout="9999999h"),
    "a seed that is text": model(seed="x"),
    "a negative seed": model(seed="-1"),
    "a target column that is a number": model(target="3"),
    "no metrics": model(metrics="{}"),
    "a metric in short": metric("maximize"),
    "an odd direction": metric("{direction: up}"),
    "a minimum that is text": metric("{direction: maximize, min: high}"),
    "a minimum that is yes": metric("{direction: maximize, min: yes}"),
    "a minimum without a value": metric("{direction: maximize, min: }"),
    "a lock without a value": model(lock=""),
    "a negative tolerance": metric("{direction: maximize, tolerance: -1}"),
    "served by an odd word": model(serve="nothing"),
    "a predictor without a function": model(serve="{predictor: predict}"),
    "a target there is not": environment("{target: moon, port: 1}"),
    "a port as text": environment('{target: process, port: "80"}'),
    "an odd address": environment("{target: docker, address: localhost, port: 1}"),
    "an odd domain": environment("{target: docker, domain: localhost, port: 1}"),
    "a domain without a value": environment("{target: docker, domain: , port: 1}"),
    "a host without a user": host("ssh://server"),
    "a host with a password": host("ssh://deploy:secret@server"),
    "a host that is no URL": host("deploy@server"),
    "a host that is an option": host("ssh://deploy@-oProxyCommand=id"),
    "a host key's fingerprint": host("ssh://deploy@server", "SHA256:dZkyjmGF5g4"),
    "a host key with its host's name": host("ssh://deploy@server", f"server {HOST_KEY}"),
    "a host key without a value": environment("{target: docker, host_key: , port: 1}"),
    "port zero": environment("{target: process, port: 0}"),
    "a port too large": environment("{target: process, port: 65536}"),
}
# What no schema can say: what a path or command may hold, and what one key says of another.
BEYOND_A_SCHEMA = {
    "a maximum that is infinite": metric("{direction: minimize, max: .inf}"),
    "a minimum that is nan": metric("{direction: maximize, min: .nan}"),
    "a mapping that holds itself": "models: &a\n  churn: *a\n",
    "data outside": model(data="../train.csv"),
    "data at an absolute path": model(data="/train.csv"),
    "data nowhere": model(data='""'),
    "fetched data without a digest": model(data="{path: a, fetch: [b]}"),
    "a digest of data that is not fetched": model(data=f"{{path: a, sha256: {DIGEST}}}"),
    "an input outside": model(inputs="[a, ../b]"),
    "a lock outside": model(lock="../a"),
    "an output outside": model(out="/a"),
    "included code outside": model(serve="{include: [../a]}"),
    "an unknown placeholder": model(train='[python, "{output}"]'),
    "a zero byte in train": model(train='[python, "\\0"]'),
    "a zero byte in env": model(env='{SEED: "\\0"}'),
    "no time at all": model(timeout="0m"),
    "a host at a port there is not": host("ssh://deploy@server:65536"),
    "a host key that is cut off": host("ssh://deploy@server", HOST_KEY[:-8]),
    "a host without its key": environment("{target: docker, host: 'ssh://deploy@server', port: 1}"),
    "a host key without a host": environment(f"{{target: docker, host_key: {HOST_KEY}, port: 1}}"),
    "a host of target process": host("ssh://deploy@server").replace("docker", "process"),
    "a port of another model": environment("{target: process, port: {fraud: 1}}"),
    "one port for two models": environment("{target: process, port: 8080}", of=BASE + SECOND),
}
MISTAKES = UNREADABLE | WRONG | BEYOND_A_SCHEMA
