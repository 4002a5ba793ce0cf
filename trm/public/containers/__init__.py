"""Read the content of weights files in bounded memory, without executing anything; one module per file format.

open                      recognise the format from the first bytes, or say what a file without weights is
torch_file                read torch's zip format and its old format
pickled, builders, inert  interpret pickles without running them: build plain values, and placeholders for objects
sharded                   read safetensors, in one file or several
arrays                    read .npz files of NumPy and MLX
"""
