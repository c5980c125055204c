"""Free ports."""

import socket

from taskmanager.devstack.ports import becomes_free, choose, is_free


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
        assert not becomes_free(port, seconds=0)

    assert becomes_free(port)


def test_a_port_that_somebody_holds_on_all_interfaces_is_not_free():
    with socket.create_server(("0.0.0.0", 0)) as listener:
        assert not is_free(listener.getsockname()[1])


def test_the_chosen_port_is_free_and_not_one_that_is_promised():
    promised = {choose() for _ in range(5)}

    port = choose(promised)

    assert is_free(port)
    assert port not in promised
