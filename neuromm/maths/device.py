"""Torch devices, checked where a name enters; without a name other than "cpu", torch is not loaded."""


def check_device(device):
    """The name of a torch device, refused where this machine or this torch has no such device.

    Parameters
    ----------
    device : str, torch.device or None
        "cpu", "cuda", "cuda:1", "mps"; None stands for no device of its own.

    Returns
    -------
    device : as given

    Raises
    ------
    ValueError
        If the name is none of torch's, or the device is not there.
    """
    if device is None or str(device) == "cpu":
        return device
    import torch

    try:
        torch.zeros(1, device=device).item()
    except (AssertionError, NotImplementedError, RuntimeError, TypeError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise ValueError(f"device must be one that torch can use here, got '{device}' ({reason}); try 'cpu'") from None
    return device


def check_gpus(devices):
    """GPUs for worker processes, refused where torch sees none.

    Parameters
    ----------
    devices : sequence of str
        As CUDA_VISIBLE_DEVICES takes them: "0", "1", …

    Raises
    ------
    ValueError
        If there are some and this machine or this torch has no CUDA.
    """
    if not devices:
        return
    import torch

    if not torch.cuda.is_available():
        given = ", ".join(map(str, devices))
        raise ValueError(f"devices must be GPUs of this machine, got {given}, and torch sees none; leave devices out")
