"""Which tasks start now."""

import pytest

from ci.run.tasks.kind import ImageTask
from ci.run.tasks.order import Running, critical_paths, in_order, startable
from ci.run.tasks.task import Task


def started(ready: list[Task], running: list[Running], *, capacity: int, now_s: float = 0.0) -> list[str]:
    paths = {task.id: task.expected_s for task in [*ready, *(one.task for one in running)]}
    chosen = startable(ready, running, capacity=capacity, paths=paths, now_s=now_s)
    return [task.id for task in chosen]


def test_a_path_is_the_longest_way_to_the_end() -> None:
    tasks = [
        Task(kind=ImageTask("base"), expected_s=5),
        Task(kind=ImageTask("mux"), needs=("base",), expected_s=1),
        Task(kind=ImageTask("base-ml"), needs=("base",), expected_s=8),
        Task(kind=ImageTask("asr"), needs=("base-ml", "mux"), expected_s=2),
    ]
    assert critical_paths(tasks) == {"base": 15, "base-ml": 10, "mux": 3, "asr": 2}


def test_the_task_that_most_hangs_on_starts_first() -> None:
    ready = [
        Task(kind=ImageTask("mux"), expected_s=1),
        Task(kind=ImageTask("base-ml"), expected_s=8),
        Task(kind=ImageTask("tmdb"), expected_s=2),
    ]
    assert started(ready, [], capacity=2) == ["base-ml", "tmdb"]


def test_of_equals_the_one_first_in_the_alphabet_starts() -> None:
    assert started([Task(kind=ImageTask("b")), Task(kind=ImageTask("a"))], [], capacity=1) == ["a"]


def test_a_task_heavier_than_the_capacity_runs_alone() -> None:
    heavy = Task(kind=ImageTask("heavy"), weight=9, expected_s=9)
    assert started([heavy, Task(kind=ImageTask("light"))], [], capacity=2) == ["heavy"]


def test_two_large_commits_do_not_run_at_once_and_leave_room_for_others() -> None:
    ready = [
        Task(kind=ImageTask("torch"), expected_s=9, commit_token=True),
        Task(kind=ImageTask("onnx"), expected_s=8, commit_token=True),
        Task(kind=ImageTask("mux"), expected_s=1),
    ]
    assert started(ready, [], capacity=3) == ["torch", "mux"]


def test_a_heavy_task_is_not_overtaken_by_one_that_would_make_it_wait_longer() -> None:
    running = [Running(task=Task(kind=ImageTask("now"), expected_s=10), started_s=0.0)]
    heavy = Task(kind=ImageTask("heavy"), weight=2, expected_s=50)
    assert started([heavy, Task(kind=ImageTask("long"), expected_s=20)], running, capacity=2, now_s=4.0) == []


def test_a_heavy_task_that_has_to_wait_is_overtaken_by_one_that_ends_before() -> None:
    running = [Running(task=Task(kind=ImageTask("now"), expected_s=10), started_s=0.0)]
    heavy = Task(kind=ImageTask("heavy"), weight=2, expected_s=50)
    assert started([heavy, Task(kind=ImageTask("short"), expected_s=5)], running, capacity=2, now_s=4.0) == [
        "short"
    ]


def test_a_long_task_may_overtake_in_what_the_waiting_one_leaves_over() -> None:
    running = [Running(task=Task(kind=ImageTask("now"), weight=2, expected_s=10), started_s=0.0)]
    waiting = Task(kind=ImageTask("waiting"), weight=3, expected_s=50)
    longs = [Task(kind=ImageTask("long-1"), expected_s=20), Task(kind=ImageTask("long-2"), expected_s=20)]
    assert started([waiting, *longs], running, capacity=4) == ["long-1"]


def test_a_task_that_waits_for_the_commit_token_is_not_overtaken_by_another_that_wants_it() -> None:
    running = [Running(task=Task(kind=ImageTask("now"), expected_s=10, weight=2), started_s=0.0)]
    waiting = Task(kind=ImageTask("waiting"), weight=3, expected_s=50, commit_token=True)
    other = Task(kind=ImageTask("other"), expected_s=20, commit_token=True)
    assert started([waiting, other], running, capacity=4) == []


def test_a_task_that_overran_is_expected_to_take_as_long_again() -> None:
    assert Running(task=Task(kind=ImageTask("now"), expected_s=10), started_s=5.0).remaining_s(35.0) == 30.0


def test_a_need_stands_before_what_needs_it() -> None:
    tasks = [Task(kind=ImageTask("asr"), needs=("base",)), Task(kind=ImageTask("base"))]
    assert [task.id for task in in_order(tasks)] == ["base", "asr"]


def test_a_circle_is_named() -> None:
    tasks = [Task(kind=ImageTask("a"), needs=("b",)), Task(kind=ImageTask("b"), needs=("a",))]
    with pytest.raises(ValueError, match=r"in a circle: (a -> b -> a|b -> a -> b)"):
        in_order(tasks)


def test_a_need_that_the_run_lacks_is_named() -> None:
    with pytest.raises(ValueError, match="task 'a' needs base, which this run does not have"):
        in_order([Task(kind=ImageTask("a"), needs=("base",))])


def test_one_id_for_two_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"more than once: a$"):
        in_order([Task(kind=ImageTask("a")), Task(kind=ImageTask("a")), Task(kind=ImageTask("b"))])
