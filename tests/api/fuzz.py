# SPDX-License-Identifier: MIT
#
# Asks a running daemon whatever its OpenAPI document lets a client ask, right
# and wrong, follows the ids that it gives, and holds every answer against the
# document.
#
#   fuzz.py --address HOST:PORT [--requests 2000] [--seed N] [--processes 2]
#           [--token NAME=TOKEN ...] [--patience SECONDS] [--out DIR]
#
# A finding is printed and kept with its request in DIR. Exit status 1 where
# there is one.
import argparse
import collections
import multiprocessing
import pathlib
import random
import sys
import time
import urllib.parse

import yaml

import answers
import bodies
import client
import schema

WEIGHTS = {"bound": 14, "certify": 8, "storeModel": 8, "showModel": 6,
           "deleteModel": 2, "listModels": 3,
           "storeDataset": 8, "listDatasets": 3,
           "showDataset": 3, "deleteDataset": 1, "train": 4, "listJobs": 4,
           "showJob": 6, "cancelJob": 3, "followJob": 3}
ODD_TEXT = ["", "0", "-1", "1", "1e3", "0x10", "nan", "inf", " ", "a b", "%",
            "true", "1,2", "2,2,2", "'", "\"", "é", "a" * 300, "\x01", "..",
            "sha256:", "auto", "all", "spectral,spectral", ","]
HEADERS = {"Prefer": ["respond-async", "respond-async, wait=5", "wait=0", "x"],
           "Idempotency-Key": ["a" * 300, "é", ""],
           "Range": ["bytes=0-9", "bytes=-5", "bytes=5-", "bytes=9999999-",
                     "bytes=0-1,3-4", "bytes=5-2", "x"],
           "If-None-Match": ["*", 'W/"x", "y"', '"'], "If-Range": ["x", '"x"'],
           "Cache-Control": ["no-cache", "no-store", "max-age=0", "max-age=x"]}
KINDS = {"model": "sha256:%064x", "dataset": "sha256:%064x", "job": "%032x"}
OVER = ("succeeded", "failed", "cancelled")


class Operation:
    def __init__(self, path, method, node, shared, schemas):
        self.path, self.method, self.node = path, method.upper(), node
        self.name = node["operationId"]
        self.parameters = [schemas.resolve(p)
                           for p in shared + node.get("parameters", [])]

    def placed(self, where):
        return [p for p in self.parameters if p["in"] == where]


class Fuzzer:
    def __init__(self, document, arguments, number):
        self.document, self.arguments, self.number = document, arguments, number
        self.schemas = schema.Schemas(document)
        self.answers = answers.Answers(document, self.schemas)
        self.corpus = bodies.Corpus(
            pathlib.Path(__file__).parent.parent / "fuzz")
        self.client = client.Client(arguments.address)
        self.operations = [
            Operation(path, method, node, paths.get("parameters", []),
                      self.schemas)
            for path, paths in document["paths"].items()
            for method, node in paths.items() if method != "parameters"]
        self.weights = [WEIGHTS.get(o.name, 1) for o in self.operations]
        self.by_name = {o.name: o for o in self.operations}
        self.tokens = dict(t.split("=", 1) for t in arguments.token)
        self.pools = {kind: [] for kind in KINDS}
        self.tags = ['"x"']
        self.owner = {}  # of a job: the tenant whose it is
        self.seen = collections.Counter()
        self.findings = self.asked = 0
        self.slowest = 0.0

    # --- a request

    def id_of(self, kind, rng):
        pool = self.pools[kind]
        if pool and rng.random() < 0.85:
            return rng.choice(pool)
        good = KINDS[kind] % rng.getrandbits(120)
        return rng.choice([good] * 3 + [good.upper(), good[:-1], good + "0"] +
                          ODD_TEXT + [i for p in self.pools.values()
                                      for i in p[-1:]])

    def ids(self):
        return {kind: lambda rng, kind=kind: self.id_of(kind, rng)
                for kind in KINDS}

    def path(self, operation, rng):
        kind = operation.path.split("/")[1].rstrip("s")
        path = operation.path
        if "{id}" in path:
            path = path.replace("{id}", urllib.parse.quote(
                self.id_of(kind, rng), safe=":"))
        if rng.random() < 0.01:
            path = rng.choice([path + "/", "/x" + path, path + "x", path[:-1],
                               path.upper(), "/", "*", path + "%2F",
                               path + "%ff%fe", path + "\xe9%0a%22",
                               "http://fuzz" + path]) or "/"
        return path

    def query(self, operation, rng):
        pairs = []
        often = 0.25 if operation.method == "GET" else 0.06
        for p in operation.placed("query"):
            if rng.random() > often:
                continue
            value = self.schemas.value(p["schema"], rng)
            if isinstance(value, dict):
                pairs += value.items()
                continue
            if p["name"] in ("time_limit", "wait"):
                value = rng.choice([0.01, 0.1, 0.3])
            elif p["name"] == "methods":
                value = rng.choice(["all", "spectral", "naive,midpoint"])
            elif p["name"] == "activation":
                value = rng.choice(bodies.ACTIVATIONS)
            elif p["name"] in ("cursor", "after"):
                value = self.id_of("job" if p["name"] == "cursor"
                                   else "dataset", rng)
            if rng.random() < 0.15:
                value = rng.choice(ODD_TEXT)
            pairs.append((p["name"], str(value)))
        if rng.random() < 0.03:
            pairs.append((rng.choice(["x", "Norm", "", "format", "limit"]),
                          rng.choice(ODD_TEXT)))
        if pairs and rng.random() < 0.03:
            pairs.append(rng.choice(pairs))
        if rng.random() < 0.003:
            pairs += [(f"p{i}", "1") for i in range(40)]
        text = urllib.parse.urlencode(pairs)
        if rng.random() < 0.01:
            text += rng.choice(["&%ff=%fe", "&x", "&=", "&&", "%00", "&\xe9"])
        return "?" + text if text or rng.random() < 0.01 else ""

    def fields(self, operation, rng):
        made = []
        for p in operation.placed("header"):
            if rng.random() < 0.9:
                continue
            value = rng.choice(HEADERS.get(p["name"], [None]))
            if p["name"] == "Idempotency-Key" and rng.random() < 0.8:
                value = f"{self.number}-{rng.randrange(40)}"
            elif p["name"].startswith("If-") and rng.random() < 0.8:
                value = rng.choice(self.tags)
            elif value is None:
                value = self.schemas.value(p["schema"], rng)
            if rng.random() < 0.1:
                value = rng.choice([t for t in ODD_TEXT if "\x01" not in t])
            made.append((p["name"], value))
        if rng.random() < 0.02:
            made.append(rng.choice([
                ("Accept", "image/png"), ("Range", "bytes=0-9"),
                ("If-None-Match", "*"), ("If-Match", '"x"'),
                ("Origin", "https://example.org"),
                ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"),
                ("X-Request-Id", "<b>"), ("Accept-Encoding", "gzip"),
                ("Content-Encoding", "gzip"), ("Cookie", "a=b")]))
        return made

    def credentials(self, rng):
        """A tenant and the field that says so."""
        if not self.tokens:
            return None, []
        name = rng.choice(list(self.tokens))
        if rng.random() < 0.03:
            return None, rng.choice([
                [], [("Authorization", "Bearer x")], [("Authorization", "")],
                [("Authorization", "Basic eDp5")],
                [("Authorization", "Bearer " + self.tokens[name][:-1])]])
        return name, [("Authorization", "Bearer " + self.tokens[name])]

    # --- its body

    def envelope(self, operation, rng):
        """A JSON body that may well be right."""
        content = operation.node["requestBody"]["content"]["application/json"]
        kind = rng.random()
        if kind < 0.1:
            return self.schemas.value(content["schema"], rng)
        if kind < 0.25:
            examples = [e["value"] for e in content.get(
                "examples", {}).values()] or [content.get("example", {})]
            value = rng.choice(examples)
            # 20 epochs are no matter of a moment.
            return dict(value, epochs=1) if operation.name == "train" else value
        if operation.name == "train":
            return bodies.training(rng, self.ids())
        if operation.name == "storeDataset":
            return {"x": bodies.matrix(rng, 4, 2), "y": rng.choice(
                [[0, 1, 1, 0], [0.5, 1, 2, 3], [[1, 2]] * 4])}
        model = bodies.network(rng) if rng.random() < 0.8 \
            else {"id": self.id_of("model", rng)}
        if operation.name == "certify":
            return {"model": model,
                    "inputs": bodies.matrix(rng, 2, rng.randint(1, 4)),
                    "labels": [0, 1], "radii": [0.1]}
        if rng.random() < 0.3 and "layers" in model:
            return model
        return {"model": model, **bodies.options(rng, self.schemas)}

    def json_body(self, operation, rng):
        value = self.envelope(operation, rng)
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
            value = bodies.change(value, rng)
        return bodies.text(value), "application/json"

    def file_body(self, operation, rng):
        kind = {"storeDataset": "dataset", "certify": "certify",
                "train": "train"}.get(operation.name)
        if operation.name == "storeDataset" and rng.random() < 0.3:
            return bodies.table(rng), "text/csv"
        data = self.corpus.of(kind, rng) if kind else self.corpus.model(rng)
        return data, rng.choice(["application/octet-stream", "text/csv", "",
                                 "application/json", "image/png"])

    def form_body(self, operation, rng):
        if operation.name == "storeDataset" and rng.random() < 0.5:
            return bodies.form(bodies.pair(rng), rng)
        if operation.name == "storeDataset":
            names = rng.choice([["file"], ["images", "labels"], ["x", "y"]])
            parts = [(n, self.corpus.of("dataset", rng)) for n in names]
        else:
            parts = [("model", self.corpus.model(rng))]
            if rng.random() < 0.5:
                parts.append(("options", bodies.text(
                    bodies.options(rng, self.schemas))))
        if rng.random() < 0.1:
            parts.append(rng.choice(parts + [("x", b""), ("", b"x")]))
        return bodies.form(parts, rng)

    def body(self, operation, rng):
        if "requestBody" not in operation.node:
            return (b"{}", "application/json") if rng.random() < 0.01 \
                else (None, "")
        if rng.random() < 0.01:
            return rng.choice([(None, ""), (b"", ""), (b" ", ""), (b"[]", "")])
        make = rng.choice([self.json_body] * 4 + [self.file_body] * 2 +
                          [self.form_body] * (operation.name not in
                                              ("train", "certify")))
        data, kind = make(operation, rng)
        if rng.random() < 0.15:
            data = bodies.damage(data, rng)
        return data, kind

    def pieces(self, data, rng):
        if not data or rng.random() < 0.9:
            return None
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(3))
        return [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]

    def request(self, operation, rng):
        """The tenant, the operation that it comes to (None: none), the
        request."""
        method, judged = operation.method, operation
        path = self.path(operation, rng)
        if method == "GET" and rng.random() < 0.03:
            method = "HEAD"
        elif rng.random() < 0.01:
            method = rng.choice(["PUT", "PATCH", "DELETE", "GET", "POST",
                                 "OPTIONS", "BREW"])
            judged = operation if method == operation.method else None
        data, kind = self.body(operation, rng)
        tenant, fields = self.credentials(rng)
        fields += self.fields(operation, rng)
        if kind:
            fields.append(("Content-Type", kind))
        target = path + self.query(operation, rng)
        if kind == "text/csv" and "?" not in target and rng.random() < 0.9:
            target += "?target=y"
        shape = operation.path.replace("{id}", "")
        if judged and (path.count("/") != operation.path.count("/") or
                       not path.startswith(shape.split("//")[0]) or
                       ("{id}" not in operation.path and
                        path != operation.path)):
            judged = None
        if not judged:
            judged = self.other(method, path)
        return tenant, judged, client.Request(method, target, fields, data,
                                              self.pieces(data, rng))

    def other(self, method, path):
        """What a request comes to that was meant for something else."""
        path = path.removeprefix("http://fuzz").split("/")
        wanted = "GET" if method == "HEAD" else method
        for o in self.operations:
            steps = o.path.split("/")
            if o.method == wanted and len(steps) == len(path) and all(
                    a == b or (a == "{id}" and b)
                    for a, b in zip(steps, path)):
                return o
        return None

    # --- the run

    def report(self, why, request, answer, name):
        self.findings += 1
        print(f"FINDING {self.arguments.seed}:{self.number}:{name}: "
              f"{request.method} {request.target[:100]}", flush=True)
        for sentence in why:
            print(f"  {sentence[:400]}", flush=True)
        if self.arguments.out:
            out = pathlib.Path(self.arguments.out)
            out.mkdir(parents=True, exist_ok=True)
            with open(out / f"{self.number}-{name}", "wb") as file:
                file.write("\n".join(why).encode() + b"\n--- request\n" +
                           request.raw() + b"\n--- answer\n" +
                           (answer.body if answer else b"none"))

    def ask(self, tenant, operation, request, name):
        """One request and all that is asked of its answer."""
        self.asked += 1
        streams = operation and operation.name == "followJob"
        try:
            answer = self.client.ask(request, self.arguments.patience,
                                     0.3 if streams else None)
        except (client.Broken, ValueError) as error:
            self.report([str(error)], request, None, name)
            return None
        why = self.answers.judge(operation, request, answer) \
            if request.method != "OPTIONS" else []
        if answer.seconds > self.arguments.patience / 2:
            why.append(f"{answer.seconds:.1f} s")
        self.slowest = max(self.slowest, answer.seconds)
        self.tags = (self.tags + [answer.fields.get("etag", '"x"')])[-20:]
        self.seen[(operation.name if operation else "none",
                   answer.status)] += 1
        parts = request.target.split("?")[0].split("/")
        if answer.status == 200 and parts[1:2] == ["jobs"] and len(parts) > 2:
            whose = self.owner.get(parts[2], tenant)
            if tenant not in (whose, "admin"):
                why.append(f"{tenant} sees the job of {whose}")
        if why:
            self.report(why, request, answer, name)
        return answer

    def learn(self, tenant, operation, answer):
        """The ids in an answer."""
        kind = {"storeModel": "model", "storeDataset": "dataset",
                "train": "job", "bound": "job"}.get(
            operation.name if operation else "")
        if not kind or answer.status not in (200, 201, 202):
            return None
        document = answers.parse(answer.body, []) or {}
        if "id" not in document:
            return None
        self.pools[kind] = (self.pools[kind] + [document["id"]])[-30:]
        if kind == "job":
            self.owner.setdefault(document["id"], tenant)
            return document["id"]
        return None

    def follow(self, tenant, job, name, rng):
        """A job to its end, or cancelled first; then its events."""
        fields = [("Authorization", "Bearer " + self.tokens[tenant])] \
            if tenant else []
        if rng.random() < 0.4:
            self.ask(tenant, self.by_name["cancelJob"], client.Request(
                "DELETE", f"/jobs/{job}", fields), name)
        if rng.random() < 0.4:
            return
        for _ in range(60):
            answer = self.ask(tenant, self.by_name["showJob"], client.Request(
                "GET", f"/jobs/{job}?wait=1", fields), name)
            document = answers.parse(answer.body, []) if answer else {}
            if (document or {}).get("state") in OVER:
                break
            if answer and answer.status == 404:
                return  # forgotten: others came after it
            if answer and answer.status in (429, 503):
                time.sleep(0.5)
        else:
            self.report(["the job does not end"], client.Request(
                "GET", f"/jobs/{job}", fields), None, name)
        self.ask(tenant, self.by_name["followJob"], client.Request(
            "GET", f"/jobs/{job}/events", fields), name)

    def run(self, count):
        turn = 0
        while self.asked < count and self.findings < 100:
            turn += 1
            rng = random.Random(f"{self.arguments.seed}:{self.number}:{turn}")
            operation = rng.choices(self.operations, self.weights)[0]
            tenant, judged, request = self.request(operation, rng)
            answer = self.ask(tenant, judged, request, turn)
            job = answer and self.learn(tenant, judged, answer)
            if job:
                self.follow(tenant, job, turn, rng)
        return self.asked, self.findings, self.seen, self.slowest


def work(task):
    document, arguments, number, count = task
    return Fuzzer(document, arguments, number).run(count)


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", default=str(random.randrange(10 ** 9)))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--token", action="append", default=[])
    parser.add_argument("--patience", type=float, default=30)
    parser.add_argument("--out")
    parser.add_argument("--openapi", default="api/openapi.yaml")
    return parser.parse_args()


def main():
    arguments = read_arguments()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with open(arguments.openapi, encoding="utf-8") as file:
        document = yaml.load(file, Loader=loader)
    n = arguments.processes
    print(f"seed {arguments.seed}, {arguments.requests} requests by {n}",
          flush=True)
    began = time.monotonic()
    with multiprocessing.Pool(n) as pool:
        results = pool.map(work, [
            (document, arguments, i, -(-arguments.requests // n))
            for i in range(n)], 1)
    seconds = time.monotonic() - began
    total, by_operation = collections.Counter(), collections.defaultdict(list)
    for result in results:
        total.update(result[2])
    for (name, status), number in sorted(total.items()):
        by_operation[name].append(f"{status}: {number}")
    for name, statuses in by_operation.items():
        print(f"  {name:15} {', '.join(statuses)}")
    findings = sum(r[1] for r in results)
    print(f"{sum(r[0] for r in results)} requests, {findings} findings, "
          f"{seconds:.0f} s, slowest {max(r[3] for r in results):.2f} s")
    sys.exit(findings > 0)


if __name__ == "__main__":
    main()
