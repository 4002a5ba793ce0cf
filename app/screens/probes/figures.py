"""The figures of the Probes page. Each takes an experiment as `ProbingExperiment.summary` writes it and returns a plotly figure."""

from typing import TYPE_CHECKING, Any

from app.ui import charts
from probes.linear.experiment.views import Cells, Code, Scoreboard
from probes.linear.probe import main_score

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.linear.directions import Plane

HEIGHT = 470
NAMES = {
    "z": "z",
    "y": "y",
    "input": "input alone",
    "derived": "derived from the input",
    "random z": "random weights",
    "random y": "random weights",
}
DASH = {
    "input": "dashdot",
    "derived": "10px,3px",
    "random z": "8px,4px",
    "random y": "8px,4px,2px,4px",
    "majority": "dot",
}
SCORES = {"accuracy": "share right", "balanced_accuracy": "balanced accuracy", "auroc": "AUROC", "r2": "R²"}
CODE = "code"
SCORES |= {CODE: "bits a label"}


def over_steps(summary: dict[str, Any], target: str, score: str, labels: list[str]) -> "Figure":
    """z and y with their bands over the time points, and under them what they have to beat."""
    figure = charts.new(x=step_axis_title(labels), y=SCORES[score], height=HEIGHT)
    results = {one["source"]: one for one in summary["findings"] if one["target"] == target}
    classes = next(one["classes"] for one in summary["targets"] if one["name"] == target)
    for source, result in results.items():
        value, places = result["scores"][score], result["moments"]
        flat = len(places) == 1 and len(labels) > 1
        x = labels if flat else [labels[place] for place in places]
        values = {name: numbers * len(labels) if flat else numbers for name, numbers in value.items()}
        own = source in ("z", "y")
        name = NAMES[source]
        if flat and source.startswith("random"):
            name += f" (step {labels[places[0]]})"
        meaning = source if own else "other" if source.startswith("random") else "baseline"
        if own:
            figure.add_trace(charts.band(x, values["low"], values["high"], meaning, of=NAMES[source]))
        figure.add_trace(charts.line(NAMES[source], x, values["value"], meaning, hovertemplate="%{y:.3f}"))
        line = figure.data[-1]
        line.mode = "lines+markers" if own else "lines"
        line.marker.size = 9
        if not own:
            line.line.update(dash=DASH[source], width=2)
            line.showlegend = source != "random y" or "random z" not in results
            line.hovertemplate = "%{y:.3f}" + (f" ({source[-1]})" if source.startswith("random") else "")
    majority = next(iter(results.values()))["scores"].get("majority") if score == "accuracy" else None
    if majority:
        values = majority["value"]
        values = values if len(values) == len(labels) else values[:1] * len(labels)
        figure.add_trace(
            charts.line("most frequent class", labels, values, "baseline", hovertemplate="%{y:.3f}")
        )
        figure.data[-1].line.update(dash=DASH["majority"], width=2)
    if score == "auroc":
        figure.add_trace(
            charts.line("constant guess", labels, [0.5] * len(labels), "baseline", hovertemplate="%{y:.3f}")
        )
        figure.data[-1].line.update(dash=DASH["majority"], width=2)
    control = results.get("z", {}).get("scores", {}).get("control")
    if control and score == main_score(classes):
        figure.add_trace(
            charts.line(
                "control task, z", labels, control["value"], "z", hovertemplate="%{y:.3f}", opacity=0.55
            )
        )
        figure.data[-1].line.update(dash="dot", width=2)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".2f" if score in ("auroc", "r2") else ".0%")
    return figure


def code_length(codes: dict[str, Code], labels: list[str]) -> "Figure":
    """Bits that tell a label to who knows z, or y, and the labels' own entropy."""
    figure = charts.new(x=step_axis_title(labels), y=SCORES[CODE], height=HEIGHT)
    for state, code in codes.items():
        figure.add_trace(charts.line(state, labels, code.bits, state, hovertemplate="%{y:.3f}"))
        figure.data[-1].update(mode="lines+markers", marker={"size": 9})
    entropy = next(iter(codes.values())).entropy
    figure.add_trace(charts.line("label entropy", labels, entropy, "baseline", hovertemplate="%{y:.3f}"))
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return figure


def plane(found: "Plane", state: str) -> "Figure":
    """Arrows from 0 in a plane, each with its name; the circle is where an arrow ends that lies wholly in it."""
    from plotly.graph_objects import Scatter

    figure = charts.new(x="first direction of the plane", y="second", height=HEIGHT)
    colour = charts.colour(state)
    x = [part for place in found.places for part in (0.0, place[0], None)]
    y = [part for place in found.places for part in (0.0, place[1], None)]
    figure.add_trace(
        Scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip", showlegend=False
        )
    )
    lengths = (found.places**2).sum(1) ** 0.5
    out = found.places * (1 + 0.09 / lengths.clip(0.09)[:, None])  # names beyond the ends
    figure.add_trace(
        Scatter(
            x=found.places[:, 0],
            y=found.places[:, 1],
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": "circle" if state == "y" else "diamond"},
            customdata=[[name, float(length)] for name, length in zip(found.names, lengths, strict=True)],
            hovertemplate="%{customdata[0]}: %{customdata[1]:.0%} of its length<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(
        Scatter(
            x=out[:, 0],
            y=out[:, 1],
            mode="text",
            text=list(found.names),
            textfont={"size": charts.FONT + 1},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_shape(
        type="circle", x0=-1, y0=-1, x1=1, y1=1, line={"color": charts.colour("baseline"), "dash": "dot"}
    )
    figure.update_xaxes(range=[-1.2, 1.2], zeroline=True, constrain="domain")
    figure.update_yaxes(range=[-1.2, 1.2], zeroline=True, scaleanchor="x", constrain="domain")
    figure.update_layout(hovermode="closest")
    return figure


def all_targets(board: Scoreboard, labels: list[str], *, height: int) -> "Figure":
    """A row a target, a column a time point."""
    from plotly.graph_objects import Heatmap

    figure = charts.new(x=step_axis_title(labels), y="", height=height)
    figure.add_trace(
        Heatmap(
            z=board.values,
            x=labels,
            y=board.names,
            text=[["" if v is None else f"{v:{board.format}}" for v in row] for row in board.values],
            texttemplate="%{text}",
            textfont={"size": charts.FONT},
            colorscale=charts.diverging() if board.signed else charts.sequential(),
            zmid=0 if board.signed else None,
            zmin=None if board.signed else 0,
            zmax=None if board.signed else 1,
            xgap=2,
            ygap=2,
            hovertemplate="%{y}, step %{x}: %{z:.3f}<extra></extra>",
            colorbar=charts.colour_bar(),
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    figure.update_layout(hovermode="closest")
    return figure


def board(cells: Cells, name: str) -> "Figure":
    """The score of every cell at its place in the grid."""
    from plotly.graph_objects import Heatmap

    rows, columns = len(cells.values), len(cells.values[0])
    figure = charts.new(x="", y="", height=400)
    figure.add_trace(
        Heatmap(
            z=cells.values,
            x=list(range(1, columns + 1)),
            y=list(range(1, rows + 1)),
            text=[["" if v is None else cells.format(v) for v in row] for row in cells.values]
            if columns <= 9
            else None,
            texttemplate="%{text}" if columns <= 9 else None,
            colorscale=charts.sequential(),
            zmin=cells.low,
            zmax=cells.high,
            xgap=2,
            ygap=2,
            showscale=columns > 9,
            colorbar=charts.colour_bar(),
            hovertemplate="row %{y}, column %{x}: %{z:.3f}<extra>" + name + "</extra>",
        )
    )
    figure.update_xaxes(
        showgrid=False, constrain="domain", side="top", tickmode="linear" if columns <= 9 else "auto"
    )
    figure.update_yaxes(
        autorange="reversed",
        showgrid=False,
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
        tickmode="linear" if rows <= 9 else "auto",
    )
    figure.update_layout(hovermode="closest")
    return figure


def confusion(shares: list[list[float | None]], counts: list[list[int]], classes: list[str]) -> "Figure":
    """What was read, column by column, where a row is true."""
    from plotly.graph_objects import Heatmap

    figure = charts.new(x="read", y="true", height=HEIGHT)
    figure.add_trace(
        Heatmap(
            z=shares,
            x=classes,
            y=classes,
            customdata=counts,
            text=[["" if share is None else f"{share:.0%}" for share in row] for row in shares],
            texttemplate="%{text}",
            textfont={"size": charts.FONT},
            colorscale=charts.sequential(),
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            showscale=False,
            hovertemplate="true %{y}, read %{x}: %{customdata} cells, %{z:.1%} of the row<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", showgrid=False, constrain="domain")
    figure.update_yaxes(
        type="category", autorange="reversed", showgrid=False, scaleanchor="x", constrain="domain"
    )
    figure.update_layout(hovermode="closest")
    return figure


def step_axis_title(labels: list[str]) -> str:
    """Of the axis of time points."""
    return "supervision step . cycle . call" if any("." in label for label in labels) else "supervision step"


def causal(result: dict[str, Any]) -> "Figure":
    """A row a measure, in it three lines: the plain run, one mark a random direction, and the change along the probe's."""
    from plotly.graph_objects import Scatter

    rows = {
        "changed_now": "blank cells answered<br>otherwise, at once",
        "changed_end": "blank cells answered<br>otherwise, at the end",
        "right_end": "blank cells right<br>at the end",
        "of_class": f"blank cells answered<br>{result['class']} at the end",
    }
    names = [name for name in rows if name in result["along"]]
    figure = charts.new(x="share, mean over puzzles", y="", height=130 + 80 * len(names))
    marks = {
        "plain run": ([result["plain"]], "baseline", "line-ns-open", 18, -0.25),
        "random directions": (result["random"], "other", "circle-open", 12, 0.0),
        "along the probe": ([result["along"]], result["state"], "diamond", 15, 0.25),
    }
    for label, (outcomes, meaning, symbol, size, line) in marks.items():
        points = [(outcome[name], row + line) for row, name in enumerate(names) for outcome in outcomes]
        figure.add_trace(
            Scatter(
                name=label,
                x=[x for x, _ in points],
                y=[y for _, y in points],
                mode="markers",
                marker={
                    "color": charts.colour(meaning),
                    "symbol": symbol,
                    "size": size,
                    "line": {"width": 3},
                },
                hovertemplate="%{x:.1%}<extra>" + label + "</extra>",
            )
        )
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        tickvals=list(range(len(names))),
        ticktext=[rows[name] for name in names],
        automargin=True,
    )
    figure.update_layout(hovermode="closest")
    return figure
