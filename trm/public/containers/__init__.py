"""Files that hold weights, a module a format: what is in them, read without executing anything, in bounded memory.

open                     the first bytes tell the format, or what a file is that holds no weights
torch_file               torch's zip and old form
pickled, makers, things  the description in them: followed, not run; what it makes; what stands for objects
sharded                  safetensors, in one file or several
arrays                   .npz of NumPy and MLX
"""
