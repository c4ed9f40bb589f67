#!/bin/sh
# Installs torch into a virtual environment: torch.sh VENV torch==X. The first that works: the one already there; a wheel
# that pip's own configuration points to; the build for this machine's accelerator (uv knows where); the registry's.
set -eu
venv=$1
wanted=$2

have=$("$venv/bin/python" -c 'from importlib import metadata; print(metadata.version("torch").split("+")[0])' 2>/dev/null || true)
[ "torch==$have" != "$wanted" ] || exit 0

pip() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
! pip --no-index "$wanted" 2>/dev/null || exit 0

backend=${TORCH_BACKEND-auto}  # empty: straight to the registry
if [ -n "$backend" ] && "$venv/bin/uv" pip install --quiet --python "$venv" --torch-backend "$backend" "$wanted"; then
  exit 0
fi

echo "taking the registry's torch; on Linux it brings several GB of CUDA libraries" >&2
pip --no-deps --require-hashes -r requirements/torch.txt
pip "$wanted"  # its CUDA libraries: pinned by torch's own metadata, without hashes
