from training.curve import curve_points


def test_the_curve_keeps_the_last_measurement_and_the_last_decay() -> None:
    def line(step: int, value: float, decay_start: int | None = None) -> dict:
        bits = {"TinyStories": value, "all": 9.0}
        return {"step": step, "tokens": step * 10, "decay_start": decay_start, "bits_per_byte": bits}

    points = curve_points([line(1, 3.0), line(2, 2.5), line(3, 2.4, 2), line(2, 2.6), line(4, 2.0, 3)])
    assert [(p["bits per byte"], p["rate"]) for p in points] == [
        (3.0, "constant"),
        (2.6, "constant"),
        (2.0, "falling to 0"),
    ]
