# SPDX-License-Identifier: MIT
#
# What is wrong with the dashboard, a line each:
#   python3 tests/style/dashboard.py DASHBOARD NAME:TYPE...
#
# NAME:TYPE are the metrics that GET /metrics has. Every panel asks for some of
# them, by names that such a metric has; every one of them is in a panel.
import json
import re
import sys

path, *metrics = sys.argv[1:]
types = dict(metric.split(':') for metric in metrics)
with open(path) as file:
    board = json.load(file)


def family(name):
    """The metric that a series belongs to, or None."""
    if types.get(name, 'histogram') != 'histogram':
        return name
    bare = re.sub('_(bucket|sum|count)$', '', name)
    return bare if bare != name and types.get(bare) == 'histogram' else None


variables = {v['name']: v for v in board['templating']['list']}
if variables.get('source', {}).get('type') != 'datasource':
    print('no variable for the data source')
seen, ids, places = set(), set(), set()
for panel in board['panels']:
    where = panel['title']
    if panel['id'] in ids:
        print(f'{where}: the id {panel["id"]} comes twice')
    ids.add(panel['id'])
    at = panel['gridPos']
    cells = {(x, y) for x in range(at['x'], at['x'] + at['w'])
             for y in range(at['y'], at['y'] + at['h'])}
    if cells & places or at['x'] + at['w'] > 24:
        print(f'{where}: lies over another panel')
    places |= cells
    if panel['type'] == 'row':
        continue
    if not panel.get('description') or not panel['targets']:
        print(f'{where}: no description or no query')
    for target in panel['targets']:
        query = target['expr']
        if target['datasource']['uid'] != '${source}':
            print(f'{where}: a data source that is no variable')
        if query.count('(') != query.count(')'):
            print(f'{where}: brackets of {query}')
        names = re.findall(r'lipschitzd_\w+', query)
        for name in names:
            if not family(name):
                print(f'{where}: no metric {name}')
                continue
            seen.add(family(name))
            counts = types[family(name)] in ('counter', 'histogram')
            if counts != ('rate(' + name in query):
                print(f'{where}: rate() is for what counts up: {query}')
        for variable in re.findall(r'\$(\w+)', query):
            if variable not in variables and not variable.startswith('__'):
                print(f'{where}: no variable {variable}')
for name in sorted(set(types) - seen):
    print(f'{name} is in no panel')
if len(seen) < 20:
    print('hardly any metric')
