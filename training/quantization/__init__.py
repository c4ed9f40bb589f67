"""Quantization as llama.cpp's `llama-quantize` does it: the same types by the same names, the same bytes.

`types`     what each type is called, what it needs, which ones are refused and why; loads with nothing else
`container` reads and writes the GGUF format around the numbers
`mixes`     which tensor of a model gets which type
`ggml`      the C functions that turn rows of floats into blocks
`quantize`  the whole: a file in, a file out
"""
