"""Charts on a page with larger text: lengths in pixels are scaled, lengths in axis units are not."""

from plotly.graph_objects import Bar, Figure, Frame, Heatmap, Scatter

from app.ui.text_size import enlarged


def test_pixel_lengths_are_scaled_and_data_are_not():
    figure = Figure(
        [
            Scatter(x=[1, 2], y=[3, 4], marker={"size": [5, 6], "line": {"width": 1}}, line={"width": 3}),
            Bar(x=[1], y=[2], width=0.5, error_y={"array": [1], "thickness": 2}),
            Heatmap(
                z=[[1, 2]], textfont={"size": 10}, colorbar={"thickness": 14, "title": {"text": "logit"}}
            ),
        ]
    )
    figure.update_layout(height=100, margin={"l": 8, "t": 24}, font={"size": 15}, bargap=0.2)
    figure.add_shape(type="rect", x0=0, x1=1, y0=0, y1=1, line={"width": 4})
    figure.update_xaxes(range=[0, 10], tickfont={"size": 14})
    figure.frames = [Frame(name="1", data=[Scatter(x=[1], y=[1], marker={"size": 7})])]
    large = enlarged(figure, 2)
    line, bar, heat = large.data
    assert (line.x, line.y, line.marker.size, line.marker.line.width, line.line.width) == (
        (1, 2),
        (3, 4),
        (10, 12),
        2,
        6,
    )
    assert (bar.x, bar.y, bar.width, bar.error_y.array, bar.error_y.thickness) == ((1,), (2,), 0.5, (1,), 4)
    assert (heat.textfont.size, heat.colorbar.thickness, heat.colorbar.title.text) == (20, 28, "logit")
    layout = large.layout
    assert (layout.height, layout.margin.l, layout.margin.t, layout.font.size, layout.bargap) == (
        200,
        16,
        48,
        30,
        0.2,
    )
    assert (layout.shapes[0].x1, layout.shapes[0].line.width) == (1, 8)
    assert (layout.xaxis.range, layout.xaxis.tickfont.size) == ((0, 10), 28)
    assert (large.frames[0].name, large.frames[0].data[0].marker.size) == ("1", 14)
    assert figure.layout.height == 100
