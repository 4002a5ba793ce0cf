"""Whether settings describe these weights: the first thing that they say of other ones."""

from trm.public.description import Description, short
from trm.public.shapes import Shapes


def disagreement(shapes: Shapes, notes: Description) -> str | None:
    """The first thing that a description says of other weights than these; None where all of it fits."""
    arch, file = notes.arch, notes.file
    found = {
        "hidden_size": shapes.hidden_size,
        "L_layers": shapes.layers,
        "mlp_t": shapes.mixing == "mlp",
        "vocab_size": shapes.vocab_size,
    }
    if shapes.puzzle_ids:  # else the table may have been dropped from the file
        found |= {
            "puzzle_emb_ndim": shapes.puzzle_embedding_size,
            "num_puzzle_identifiers": shapes.puzzle_ids,
        }
    if (notes.kind or shapes.kind) == "hrm" and shapes.H_layers:  # a TRM's yaml may say 0 all the same
        found["H_layers"] = shapes.H_layers
    for key, value in found.items():
        if arch.get(key, value) != value:
            return f"{file} says {key} = {short(arch[key])}, the tensors say {value}."
    if arch.get("pos_encodings", "learned") != "learned" and shapes.positions == "learned":
        return (
            f"{file} says pos_encodings = {short(arch['pos_encodings'])}, the tensors hold learned positions."
        )
    for key, value in (("vocab_size", shapes.vocab_size), ("num_puzzle_identifiers", shapes.puzzle_ids)):
        if value and notes.dataset.get(key, value) != value:
            return f"dataset.json says {key} = {short(notes.dataset[key])}, the tensors say {value}."
    heads = arch.get("num_heads")
    if heads and shapes.mixing == "attention" and shapes.hidden_size % heads:
        return _odd_heads(shapes, heads, file)
    return None


def _odd_heads(shapes: Shapes, heads: int, file: str) -> str:
    """What to do about heads that do not divide the hidden size, which the public code rounds down."""
    D = shapes.hidden_size
    if shapes.attention_width not in (0, D):
        return (
            f"{file} says num_heads = {short(heads)}, which does not divide hidden_size = {D}: its attention is "
            f"{shapes.attention_width} wide. Such a model is not supported."
        )
    fitting = [str(number) for number in range(1, D + 1) if D % number == 0 and D // number % 2 == 0]
    return (
        f"hidden_size {D} does not split into {short(heads)} heads, as {file} says, but the tensors' attention is {D} wide: "
        f"correct num_heads there, to one of {', '.join(fitting[:10])}."
    )
