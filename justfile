# The verbs of the Makefile for those who type `just`: arguments are written name=value and handed on as they stand,
# as in `just train name=mycli num=5000 quant=q8_0`.
set positional-arguments

_default:
    @just --list

# Rows, SFT, preferences, DPO, GGUF, evaluation; goes on where it was
train *args:
    @make --no-print-directory train "$@"

# Rows from schemas/NAME.yaml, unless they are there
train-generate *args:
    @make --no-print-directory train-generate "$@"

# The same, over what is there
train-generate-force *args:
    @make --no-print-directory train-generate-force "$@"

# Supervised fine-tuning on the rows
train-sft *args:
    @make --no-print-directory train-sft "$@"

# Preference pairs from the SFT model's own answers
train-generate-preferences *args:
    @make --no-print-directory train-generate-preferences "$@"

# DPO on those pairs
train-dpo *args:
    @make --no-print-directory train-dpo "$@"

# The GGUF file, held against the model
train-quantize *args:
    @make --no-print-directory train-quantize "$@"

# Base, SFT, DPO and file on the held-out rows
train-eval *args:
    @make --no-print-directory train-eval "$@"

# Which command lines there are schemas and rows of
train-list-schemas *args:
    @make --no-print-directory train-list-schemas "$@"

# Train a small model for a small command line, and show before and after
demo-train:
    @make --no-print-directory demo-train
