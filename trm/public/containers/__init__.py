"""Read the content of weights files, one module per file format, without executing anything and in bounded memory.

open                      recognise the format from the first bytes, or say what a file without weights is
torch_file                torch's zip format and its old format
pickled, builders, inert  interpret their pickles without running them; build plain values; placeholders for objects
sharded                   safetensors, in one file or several
arrays                    .npz files of NumPy and MLX
"""
