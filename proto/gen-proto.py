#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes netcap.proto from the two tables of the record schema and those of our own types (own-records.csv, own-types.csv).

usage: gen-proto.py records.csv types.csv > netcap.proto
"""
import csv
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
records, types = sys.argv[1:3]


def rows(path, own):
    """Both tables as one list of dicts."""
    return [row for p in (path, os.path.join(HERE, own)) for row in csv.DictReader(open(p))]


print('// SPDX-License-Identifier: GPL-3.0-or-later')
print('// The record schema: numbers and types are those of the 2019 format and never change.')
print('// Written by gen-proto.py; types of our own are numbered from 1000.')
print('syntax = "proto3";\npackage types;\n')
print('enum Type {')
for row in rows(types, 'own-types.csv'):
    print('  %s = %s;' % (row['name'], row['number']))
print('}')
last = None
for row in rows(records, 'own-records.csv'):
    if row['message'] != last:
        if last:
            print('}')
        last = row['message']
        print('\nmessage %s {' % last)
    kind = row['submessage_type'] or row['proto_type']
    print('  %s%s %s = %s;' % ('repeated ' if row['repeated'] == '1' else '', kind,
                               row['field_name'], row['field_number']))
print('}')
