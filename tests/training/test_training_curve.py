from training.curve import curve_points, last_measured, with_earlier


def line(step: int, value: float, decay_start: int | None = None, first_step: int = 0) -> dict:
    bits = {"TinyStories": value, "all": 9.0}
    return {
        "step": step,
        "tokens": step * 10,
        "first_step": first_step,
        "decay_start": decay_start,
        "bits_per_byte": bits,
    }


def test_the_curve_keeps_the_last_measurement_and_the_last_decay() -> None:
    lines = [line(1, 3.0), line(2, 2.5), line(3, 2.4, 2), line(2, 2.6), line(4, 2.0, 3)]
    points = curve_points(last_measured(lines))
    assert [(p["bits per byte"], p["rate"]) for p in points] == [
        (3.0, "constant"),
        (2.6, "constant"),
        (2.0, "falling to 0"),
    ]


def test_a_sitting_that_goes_on_keeps_the_earlier_one_with_its_decay() -> None:
    earlier = [line(1, 3.0), line(2, 2.5, 1), line(3, 9.0, None, 2)]
    own = [line(3, 2.6, None, 2), line(4, 2.2, 3, 2)]
    points = curve_points(last_measured(with_earlier(own, earlier)))
    assert [(p["bits per byte"], p["rate"], p["sitting"]) for p in points] == [
        (3.0, "constant", 0),
        (2.5, "falling to 0", 0),
        (2.6, "constant", 2),
        (2.2, "falling to 0", 2),
    ]
