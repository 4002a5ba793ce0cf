"""The plotly figures of the Probes page."""

from typing import TYPE_CHECKING

from app.ui import charts
from probes.linear.experiment.views import Cells, Code, Scoreboard
from probes.linear.probe import main_score

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.linear.directions import Plane
    from probes.linear.experiment.summary import CausalSummary, ExperimentSummary

HEIGHT = 470
NAMES = {
    "z": "z",
    "y": "y",
    "input": "input only",
    "derived": "derived from the input",
    "random z": "untrained network",
    "random y": "untrained network",
}
DASH = {
    "input": "dashdot",
    "derived": "10px,3px",
    "random z": "8px,4px",
    "random y": "8px,4px,2px,4px",
    "majority": "dot",
}
SCORES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auroc": "AUROC", "r2": "R²"}
CODE = "code"
SCORES |= {CODE: "bits per label"}


def over_steps(summary: "ExperimentSummary", target: str, score: str, labels: list[str]) -> "Figure":
    """Draw the scores of z and y over the time points, with their intervals, and the scores of the baselines."""
    figure = charts.new(x=step_axis_title(labels), y=SCORES[score], height=HEIGHT)
    results = {one.source: one for one in summary.results if one.target == target}
    classes = summary.target(target).classes
    for source, result in results.items():
        value, places = result.scores[score], result.time_points
        flat = len(places) == 1 and len(labels) > 1
        x = labels if flat else [labels[place] for place in places]
        values = {name: numbers * len(labels) if flat else numbers for name, numbers in vars(value).items()}
        own = source in ("z", "y")
        name = NAMES[source]
        if flat and source.startswith("random"):
            name += f" (step {labels[places[0]]})"
        meaning = source if own else "other" if source.startswith("random") else "baseline"
        if own:
            figure.add_trace(charts.band(x, values["low"], values["high"], meaning, of=name))
        figure.add_trace(charts.line(name, x, values["value"], meaning, hovertemplate="%{y:.3f}"))
        line = figure.data[-1]
        line.mode = "lines+markers" if own else "lines"
        line.marker.size = 9
        if not own:
            line.line.update(dash=DASH[source], width=2)
            line.showlegend = source != "random y" or "random z" not in results
            line.hovertemplate = "%{y:.3f}" + (f" ({source[-1]})" if source.startswith("random") else "")
    majority = next(iter(results.values())).scores.get("majority") if score == "accuracy" else None
    if majority:
        values = majority.value
        values = values if len(values) == len(labels) else values[:1] * len(labels)
        figure.add_trace(charts.line("majority class", labels, values, "baseline", hovertemplate="%{y:.3f}"))
        figure.data[-1].line.update(dash=DASH["majority"], width=2)
    if score == "auroc":
        figure.add_trace(
            charts.line("constant guess", labels, [0.5] * len(labels), "baseline", hovertemplate="%{y:.3f}")
        )
        figure.data[-1].line.update(dash=DASH["majority"], width=2)
    control = results["z"].scores.get("control") if "z" in results else None
    if control and score == main_score(classes):
        figure.add_trace(
            charts.line("control task, z", labels, control.value, "z", hovertemplate="%{y:.3f}", opacity=0.55)
        )
        figure.data[-1].line.update(dash="dot", width=2)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".2f" if score in ("auroc", "r2") else ".0%")
    return figure


def code_length(codes: dict[str, Code], labels: list[str]) -> "Figure":
    """Draw the online code length of the labels given z, or given y, and the label entropy."""
    figure = charts.new(x=step_axis_title(labels), y=SCORES[CODE], height=HEIGHT)
    for state, code in codes.items():
        figure.add_trace(charts.line(state, labels, code.bits, state, hovertemplate="%{y:.3f}"))
        figure.data[-1].update(mode="lines+markers", marker={"size": 9})
    entropy = next(iter(codes.values())).entropy
    figure.add_trace(charts.line("label entropy", labels, entropy, "baseline", hovertemplate="%{y:.3f}"))
    figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero")
    return figure


def plane(plane: "Plane", state: str) -> "Figure":
    """Draw named arrows from the origin. An arrow that lies entirely in the plane ends on the unit circle."""
    from plotly.graph_objects import Scatter

    figure = charts.new(x="first axis of the plane", y="second axis of the plane", height=HEIGHT)
    colour = charts.colour(state)
    x = [part for point in plane.points for part in (0.0, point[0], None)]
    y = [part for point in plane.points for part in (0.0, point[1], None)]
    figure.add_trace(
        Scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 2}, hoverinfo="skip", showlegend=False
        )
    )
    lengths = (plane.points**2).sum(1) ** 0.5
    out = plane.points * (1 + 0.09 / lengths.clip(0.09)[:, None])  # labels beyond the arrowheads
    figure.add_trace(
        Scatter(
            x=plane.points[:, 0],
            y=plane.points[:, 1],
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": "circle" if state == "y" else "diamond"},
            customdata=[[name, float(length)] for name, length in zip(plane.names, lengths, strict=True)],
            hovertemplate="%{customdata[0]}: %{customdata[1]:.0%} of its length in this plane<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(
        Scatter(
            x=out[:, 0],
            y=out[:, 1],
            mode="text",
            text=list(plane.names),
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
    """Draw a heat map with a row per target and a column per time point."""
    from plotly.graph_objects import Heatmap

    figure = charts.new(x=step_axis_title(labels), y="target", height=height)
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
    """Draw a heat map of the scores of the grid's cells."""
    from plotly.graph_objects import Heatmap

    rows, columns = len(cells.values), len(cells.values[0])
    figure = charts.new(x="column", y="row", height=400)
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
    """Draw a confusion matrix: rows are true classes, columns are decoded classes."""
    from plotly.graph_objects import Heatmap

    figure = charts.new(x="decoded class", y="true class", height=HEIGHT)
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
            hovertemplate="true %{y}, decoded %{x}: %{customdata} cells, %{z:.1%} of the row<extra></extra>",
        )
    )
    figure.update_xaxes(type="category", showgrid=False, constrain="domain")
    figure.update_yaxes(
        type="category", autorange="reversed", showgrid=False, scaleanchor="x", constrain="domain"
    )
    figure.update_layout(hovermode="closest")
    return figure


def step_axis_title(labels: list[str]) -> str:
    """Return the title of the axis of time points."""
    return "supervision step . cycle . call" if any("." in label for label in labels) else "supervision step"


def causal(result: "CausalSummary") -> "Figure":
    """Draw a row per measure, with marks for the clean run, each random direction, and the probe's direction."""
    from plotly.graph_objects import Scatter

    rows = {
        "changed_now": "blank cells whose answer<br>changes immediately",
        "changed_end": "blank cells whose answer<br>changes by the last step",
        "right_end": "blank cells correct<br>at the last step",
        "of_class": f"blank cells with answer<br>{result.class_name} at the last step",
    }
    names = [name for name in rows if name in result.along]
    figure = charts.new(x="fraction of blank cells, mean over puzzles", y="", height=130 + 80 * len(names))
    marks = {
        "clean run": ([result.clean], "baseline", "line-ns-open", 18, -0.25),
        "random directions": (result.random, "other", "circle-open", 12, 0.0),
        "probe direction": ([result.along], result.state, "diamond", 15, 0.25),
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
