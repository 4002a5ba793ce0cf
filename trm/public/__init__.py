"""Read checkpoints of other code bases, from local files or the Hugging Face hub. Nothing in a file is executed.

hub, weights              find the weights file
containers                read the content of the file; one module per file format
state_dict                extract the weights under plain names, and choose the averaged or the trained copy
settings_files, settings  find and read settings in the weights file, next to it, or in the parent folder
plain_yaml                read untrusted yaml
sections                  find the model settings inside the wrappers that W&B and Hydra add
shapes, agreement         infer sizes from tensor shapes, and check the settings against these sizes
public_checkpoints        list facts about well-known public checkpoints
other_models              reject unsupported models, with the reason
format                    build the configuration from these parts, and record the source of every value
"""
