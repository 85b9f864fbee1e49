# SPDX-License-Identifier: MIT
#
# Validates documents against the schemas of an OpenAPI document.
#
#   contract.py OPENAPI.yaml DOCUMENTS      one "schema TAB document" a line
import json
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"SKIP: answers are not checked against openapi.yaml: {missing}")
    sys.exit(77)


class Strict(yaml.SafeLoader):
    """Without mappings that have a key twice, of which YAML keeps the last."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"twice at {node.start_mark}: {twice}"
        return super().construct_mapping(node, deep)


with open(sys.argv[1], encoding="utf-8") as file:
    components = yaml.load(file, Strict)["components"]

faults = count = 0
with open(sys.argv[2], encoding="utf-8") as file:
    for line in file:
        name, text = line.split("\t", 1)
        assert name in components["schemas"], name
        schema = {"$ref": f"#/components/schemas/{name}",
                  "components": components}
        validator = jsonschema.Draft202012Validator(schema)
        count += 1
        for fault in validator.iter_errors(json.loads(text)):
            faults += 1
            print(f"{name} at {fault.json_path}: {fault.message}")
            for inner in fault.context:
                print(f"  {inner.json_path}: {inner.message}")
print(f"contract: {count} documents, {faults} faults")
sys.exit(faults > 0 or count == 0)
