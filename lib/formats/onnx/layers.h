/* SPDX-License-Identifier: MIT
 *
 * ONNX files of ours: the layers that they list beside the graph. */
#ifndef LIP_FORMATS_ONNX_LAYERS_H
#define LIP_FORMATS_ONNX_LAYERS_H

#include "formats/onnx/reader.h"

/* The network that the property LIP_LAYERS_KEY lists, if that is what the graph
 * computes: if a graph written from these layers has the same nodes, bit for
 * bit. Otherwise *out is NULL, and the graph is to be read. A program that
 * changed the graph and kept the property is thus not believed. Takes the
 * model's metadata. Only lack of memory, and being told to stop, are failures.
 * O(parameters). */
enum lip_status lip_onnx_layers(struct lip_network **out,
                                struct lip_onnx_reader *reader);

#endif
