"""Read the content of weights files in bounded memory, without executing anything; one module per file format.

open                      recognise the format from the first bytes, or identify a file without weights
torch_file                torch's zip format and its old format
pickled, builders, inert  interpret their pickles without running them; build plain values; placeholders for objects
sharded                   safetensors, in one file or several
arrays                    .npz files of NumPy and MLX
"""
