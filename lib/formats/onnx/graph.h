/* SPDX-License-Identifier: MIT
 *
 * The graph of an ONNX model as a network. */
#ifndef LIP_FORMATS_ONNX_GRAPH_H
#define LIP_FORMATS_ONNX_GRAPH_H

#include "formats/onnx/reader.h"

/* Turns reader->model, which has been read, into a network. Nodes that the
 * output does not need are not looked at. LIP_INVALID: names that nothing
 * gives, cycles, shapes that do not meet; LIP_UNSUPPORTED: operators that are
 * not read, several inputs or outputs; the error names the node. O(n log n) in
 * the nodes, and O(parameters). */
enum lip_status lip_onnx_network(struct lip_network **out,
                                 struct lip_onnx_reader *reader);

/* Frees what a reader holds, which is all zero at first. */
void lip_onnx_reader_clear(struct lip_onnx_reader *reader);

#endif
