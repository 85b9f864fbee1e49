/* SPDX-License-Identifier: MIT
 *
 * Holds documents that a test saw against the schemas of api/openapi.yaml.
 * Documents are collected in a file, since each test is a process of its own,
 * and checked in one go by python3-jsonschema, or that is said to be skipped
 * where it is not installed. */
#ifndef LIP_TESTS_SUPPORT_CONTRACT_H
#define LIP_TESTS_SUPPORT_CONTRACT_H

/* Before the tests run: begins a new collection. */
void contract_open(void);

/* Collects a JSON document (without line breaks) that has to follow the schema
 * of this name in components/schemas. */
void contract_add(const char *schema, const char *document);

/* In the last test: fails it where a document departs from its schema. */
void contract_check(void);

#endif
