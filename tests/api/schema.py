# SPDX-License-Identifier: MIT
#
# The schemas of an OpenAPI document as functions: does a value fit, and a random
# value that does. Only the keywords that the document uses are known; another
# one is an error, so that nothing is passed over. In answers an object has no
# members but those that its schema names, also where the schema would let more
# pass: such a member is not documented.
import json
import math
import re

NOTES = {"description", "title", "default", "example", "examples", "format"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "null": type(None)}


def is_type(value, name):
    if name == "number":
        return type(value) in (int, float)
    if name == "integer":
        return type(value) is int
    return type(value) is TYPES[name]


def same(a, b):
    return type(a) is type(b) and a == b


class Schemas:
    def __init__(self, document):
        self.document = document
        self.checks = {}

    def resolve(self, node):
        """What a reference points at; members beside it only describe."""
        while "$ref" in node:
            target = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    # --- does a value fit

    def faults(self, schema, value, strict=True):
        """Where a value does not fit, as a list of 'place: why'."""
        found = []
        self.checker(schema, strict)(value, "$", found)
        return found

    def checker(self, schema, strict):
        schema = self.resolve(schema)
        key = (id(schema), strict)
        if key not in self.checks:
            parts = []
            # A schema may lead back to itself.
            self.checks[key] = lambda value, at, found: [
                part(value, at, found) for part in parts]
            parts += self.parts(schema, strict)
        return self.checks[key]

    def parts(self, schema, strict):
        for keyword, argument in schema.items():
            if keyword in NOTES or keyword in (
                    "properties", "required", "additionalProperties"):
                continue
            yield getattr(self, "hold_" + keyword)(argument, strict)
        if schema.get("type") == "object" or "properties" in schema or \
                "required" in schema:
            yield self.hold_object(schema, strict)

    def hold_type(self, names, strict):
        names = names if isinstance(names, list) else [names]

        def hold(value, at, found):
            if not any(is_type(value, name) for name in names):
                found.append(f"{at}: {value!r:.60} is no {names}")
        return hold

    def hold_enum(self, values, strict):
        def hold(value, at, found):
            if not any(same(value, v) for v in values):
                found.append(f"{at}: {value!r:.60} is none of {values}")
        return hold

    def hold_const(self, one, strict):
        return self.hold_enum([one], strict)

    def hold_oneOf(self, schemas, strict):
        checks = [self.checker(s, strict) for s in schemas]

        def hold(value, at, found):
            tried = []
            for check in checks:
                tried.append([])
                check(value, at, tried[-1])
            fits = sum(not t for t in tried)
            if fits != 1:
                found.append(f"{at}: fits {fits} of {len(checks)}: " +
                             "; ".join(min(t[:2] for t in tried) or ["all"]))
        return hold

    def hold_allOf(self, schemas, strict):
        checks = [self.checker(s, False) for s in schemas]
        return lambda value, at, found: [
            check(value, at, found) for check in checks]

    def hold_pattern(self, pattern, strict):
        compiled = re.compile(pattern)

        def hold(value, at, found):
            if isinstance(value, str) and not compiled.search(value):
                found.append(f"{at}: {value!r:.60} is not {pattern}")
        return hold

    def bound(what, breaks, size=lambda v: v, kinds=(int, float)):
        def make(self, limit, strict):
            assert type(limit) in (int, float), f"{what}: {limit!r}"

            def hold(value, at, found):
                if type(value) in kinds and breaks(size(value), limit):
                    found.append(f"{at}: {value!r:.60} breaks {what} {limit}")
            return hold
        return make

    hold_minimum = bound("minimum", lambda v, m: not v >= m)
    hold_maximum = bound("maximum", lambda v, m: not v <= m)
    hold_exclusiveMinimum = bound("exclusiveMinimum", lambda v, m: not v > m)
    hold_minItems = bound("minItems", lambda n, m: n < m, len, (list,))
    hold_maxItems = bound("maxItems", lambda n, m: n > m, len, (list,))
    hold_minLength = bound("minLength", lambda n, m: n < m, len, (str,))
    hold_maxLength = bound("maxLength", lambda n, m: n > m, len, (str,))
    hold_minProperties = bound("minProperties", lambda n, m: n < m, len,
                               (dict,))
    hold_maxProperties = bound("maxProperties", lambda n, m: n > m, len,
                               (dict,))

    def hold_uniqueItems(self, yes, strict):
        def hold(value, at, found):
            if isinstance(value, list) and \
                    len(set(map(json.dumps, value))) < len(value):
                found.append(f"{at}: items are not unique")
        return hold

    def hold_items(self, schema, strict):
        check = self.checker(schema, strict)

        def hold(value, at, found):
            if isinstance(value, list):
                for i, item in enumerate(value):
                    check(item, f"{at}[{i}]", found)
        return hold

    def hold_object(self, schema, strict):
        members = {name: self.checker(s, strict)
                   for name, s in schema.get("properties", {}).items()}
        required = schema.get("required", [])
        others = schema.get("additionalProperties")
        other = self.checker(others, strict) \
            if isinstance(others, dict) else None
        closed = others is False or (others is None and strict and
                                     schema.get("type") == "object")

        def hold(value, at, found):
            if not isinstance(value, dict):
                return
            for name in required:
                if name not in value:
                    found.append(f"{at}: has no {name}")
            for name, item in value.items():
                if name in members:
                    members[name](item, f"{at}.{name}", found)
                elif other:
                    other(item, f"{at}.{name}", found)
                elif closed:
                    found.append(f"{at}: {name} is not documented")
        return hold

    # --- a value that fits

    def value(self, schema, rng, depth=0):
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        if "oneOf" in schema:
            return self.value(rng.choice(schema["oneOf"]), rng, depth + 1)
        if "allOf" in schema:
            parts = [self.value(s, rng, depth + 1) for s in schema["allOf"]]
            return {k: v for part in parts for k, v in part.items()}
        kind = schema.get("type") or \
            ("object" if "properties" in schema else rng.choice(list(TYPES)))
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        return getattr(self, "any_" + kind)(schema, rng, depth)

    def any_null(self, schema, rng, depth):
        return None

    def any_boolean(self, schema, rng, depth):
        return rng.random() < 0.5

    def any_integer(self, schema, rng, depth):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -3))
        high = min(schema.get("maximum", 8), max(low, 8))
        if rng.random() < 0.03:
            return rng.choice([low, schema.get("maximum", 2 ** 53)])
        return rng.randint(math.ceil(low), math.floor(max(low, high)))

    def any_number(self, schema, rng, depth):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -2))
        high = schema.get("maximum", low + 4)
        if rng.random() < 0.03:
            return rng.choice([low or 1e-300, high])
        value = low + (high - low) * rng.random()
        return rng.choice([round(value, 2), value]) or 0.5

    def any_string(self, schema, rng, depth):
        pattern = schema.get("pattern", "")
        if "sha256:" in pattern:
            return "sha256:" + "%064x" % rng.getrandbits(256)
        if "{32}" in pattern:
            return "%032x" % rng.getrandbits(128)
        if "inf" in pattern:
            return rng.choice(["1", "2", "inf", "1,inf", "inf,2"])
        return "".join(rng.choice("abc-xyz019 ")
                       for _ in range(rng.randint(1, 8)))

    def any_array(self, schema, rng, depth):
        low = schema.get("minItems", 0)
        high = low if depth > 6 else max(low, min(
            schema.get("maxItems", 4), 4))
        items = schema.get("items", {"type": "number"})
        return [self.value(items, rng, depth + 1)
                for _ in range(rng.randint(low, high))]

    def any_object(self, schema, rng, depth):
        required = schema.get("required", [])
        keep = 0.0 if depth > 6 else rng.choice([0.0, 0.2, 0.6])
        made = {name: self.value(s, rng, depth + 1)
                for name, s in schema.get("properties", {}).items()
                if name in required or rng.random() < keep}
        for name in required:
            made.setdefault(name, rng.choice([1, "dense", [], {}]))
        return made
