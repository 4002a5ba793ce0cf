"""Checkpoints from other code bases, local or on the Hugging Face hub, read without executing anything in them.

hub, weights              find the weights file
containers                read the file, one module per file format
state_dict                extract the weights under plain names, and decide which copy to use
settings_files, settings  find and read settings in the file, beside it or one folder up; plain_yaml reads untrusted yaml
sections                  the section with the model's settings, without what W&B and Hydra add around it
shapes, agreement         what the tensor shapes determine, and whether settings agree with them
public_checkpoints        facts about well-known public checkpoints
other_models              models that cannot be opened, and why
format                    puts all of it together: a configuration, and the source of every value
"""
