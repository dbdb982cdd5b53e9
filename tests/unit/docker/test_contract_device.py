import pytest
from contract.device import chosen_device
from contract.error import DeviceError


def test_without_torch_everything_runs_on_the_cpu() -> None:
    assert chosen_device("auto") == "cpu"
    assert chosen_device("cpu") == "cpu"


def test_without_torch_a_gpu_is_refused() -> None:
    with pytest.raises(DeviceError, match="use the image's cuda variant"):
        chosen_device("cuda")
