"""Check the settings of a checkpoint against the shapes of its tensors."""

from trm.public.description import Description, short
from trm.public.shapes import Shapes


def disagreement(shapes: Shapes, notes: Description) -> str | None:
    """A sentence about the first contradiction between the settings and the tensor shapes; None if they agree."""
    arch, file = notes.arch, notes.file
    from_shapes = {
        "hidden_size": shapes.hidden_size,
        "L_layers": shapes.layers,
        "mlp_t": shapes.mixing == "mlp",
        "vocab_size": shapes.vocab_size,
    }
    if shapes.puzzle_ids:  # a missing puzzle table may have been removed from the file
        from_shapes |= {
            "puzzle_emb_ndim": shapes.puzzle_embedding_size,
            "num_puzzle_identifiers": shapes.puzzle_ids,
        }
    if (notes.kind or shapes.kind) == "hrm" and shapes.H_layers:  # a TRM's yaml may say 0
        from_shapes["H_layers"] = shapes.H_layers
    for key, value in from_shapes.items():
        if arch.get(key, value) != value:
            return f"{file} says {key} = {short(arch[key])}, but the tensors say {value}."
    if arch.get("pos_encodings", "learned") != "learned" and shapes.positions == "learned":
        return f"{file} says pos_encodings = {short(arch['pos_encodings'])}, but the tensors include learned positions."
    for key, value in (("vocab_size", shapes.vocab_size), ("num_puzzle_identifiers", shapes.puzzle_ids)):
        if value and notes.dataset.get(key, value) != value:
            return f"dataset.json says {key} = {short(notes.dataset[key])}, but the tensors say {value}."
    heads = arch.get("num_heads")
    if heads and shapes.mixing == "attention" and shapes.hidden_size % heads:
        return _odd_heads(shapes, heads, file)
    return None


def _odd_heads(shapes: Shapes, heads: int, file: str) -> str:
    """A message for a head count that does not divide the hidden size. The public code rounds the head size down."""
    D = shapes.hidden_size
    if shapes.attention_width not in (0, D):
        return (
            f"{file} says num_heads = {short(heads)}, which does not divide hidden_size = {D}: the attention is "
            f"{shapes.attention_width} wide. Such models are not supported."
        )
    fitting = [str(number) for number in range(1, D // 2 + 1) if D % (2 * number) == 0]
    return (
        f"{file} says {short(heads)} heads, which do not divide hidden_size = {D}, but the attention in the tensors is {D} "
        f"wide: change num_heads in that file to one of {', '.join(fitting[:10])}."
    )
