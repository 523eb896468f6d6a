"""Pykka's proxies over process boundaries."""

from __future__ import annotations

from typing import Any, assert_type

import pykka
import pytest
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from peerage.actors.runtime import ActorDeadError, ActorProxy, ActorRef, Future, Place, ProcessActor, System
from tests.actors.runtime.cast import Worker


class Engine:
    """A traversable attribute."""

    def __init__(self) -> None:
        self.speed = 3

    def faster(self) -> int:
        self.speed += 1
        return self.speed


class Car(ProcessActor):
    wheels = 4

    def __init__(self) -> None:
        super().__init__()
        self.engine = pykka.traversable(Engine())
        self._secret = 1

    def honk(self, times: int = 1) -> str:
        return "tut" * times

    def crash(self) -> None:
        raise ValueError("crash")


@pytest.fixture
def car(system: System, place: Place) -> ActorRef[Car]:
    return Car.options(place=place).start()


def test_attributes_and_methods_are_futures(car: ActorRef[Car]) -> None:
    """Read, call, set."""
    proxy: Any = car.proxy()
    assert proxy.wheels.get() == 4
    assert proxy.honk(times=2).get() == "tuttut"
    proxy.wheels = 5
    assert proxy.wheels.get() == 5


def test_deferred_calls_are_tells(car: ActorRef[Car]) -> None:
    """Order holds with what comes after."""
    proxy: Any = car.proxy()
    proxy.engine.faster.defer()
    assert proxy.engine.speed.get() == 4


def test_traversable_attributes_are_proxies(car: ActorRef[Car]) -> None:
    """As in Pykka."""
    proxy: Any = car.proxy()
    assert proxy.engine.faster().get() == 4


def test_an_exception_comes_through(car: ActorRef[Car]) -> None:
    """Raised by get."""
    proxy: Any = car.proxy()
    with pytest.raises(ValueError, match="crash"):
        proxy.crash().get()


def test_private_and_missing_attributes_are_not_there(car: ActorRef[Car]) -> None:
    """AttributeError, as from an object."""
    proxy: Any = car.proxy()
    for name in ("_secret", "missing"):
        with pytest.raises(AttributeError):
            getattr(proxy, name)


def test_attributes_added_later_are_found(car: ActorRef[Car]) -> None:
    """A proxy looks again before it says no."""
    proxy: Any = car.proxy()
    proxy.colour = "red"
    assert proxy.colour.get() == "red"


def test_proxies_of_one_actor_are_equal(car: ActorRef[Car]) -> None:
    """By ref and path."""
    one: Any = car.proxy()
    two: Any = car.proxy()
    assert one == two
    assert hash(one) == hash(two)
    assert one != one.engine
    assert "honk" in dir(one)


class Mirror(ProcessActor):
    """Has a proxy of itself, from its constructor on, and something that does not want to be compared."""

    class Prickly:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("not comparable")

        __hash__ = None  # type: ignore[assignment]  # of no use here

    prickly = Prickly()

    def __init__(self) -> None:
        super().__init__()
        self.myself = self.actor_ref.proxy()

    def late(self) -> Future[str]:
        proxy: Any = self.actor_ref.proxy()
        answer: Future[str] = proxy.name()
        return answer

    def name(self) -> str:
        return "mirror"


def test_an_actor_has_proxies_of_itself(system: System, place: Place) -> None:
    """In its constructor and in a handler; they are not shown to others; a returned future answers later."""
    proxy: Any = Mirror.options(place=place).start().proxy()
    assert proxy.late().get(timeout=5) == "mirror"
    with pytest.raises(AttributeError, match="has no attribute 'myself'"):
        _ = proxy.myself


def test_a_proxy_travels(car: ActorRef[Car], worker: ActorRef[Worker]) -> None:
    """In messages, as a ref does."""
    worker.ask(("log", car.proxy()))
    (copy,) = worker.ask(("log",))
    assert copy == car.proxy()
    assert copy.honk().get() == "tut"


class CarView(ActorMemberMixin, ActorProxy[Car]):
    """What a car's proxy offers, for type checkers: mypy reads this file."""

    wheels = proxy_field(Car.wheels)
    honk = proxy_method(Car.honk)


def test_a_proxy_has_types(car: ActorRef[Car]) -> None:
    """`proxy()` keeps the actor's class; with a view it has the types of its attributes and methods."""
    assert_type(car.proxy(), ActorProxy[Car])
    proxy = car.proxy(CarView)
    assert_type(proxy, CarView)
    assert_type(proxy.wheels, pykka.Future[int])
    assert_type(proxy.honk(2), pykka.Future[str])
    assert_type(proxy.honk(2).get(), str)
    assert proxy.honk(2).get() == "tuttut"


def test_a_proxy_of_the_dead_is_refused(car: ActorRef[Car]) -> None:
    """ActorDeadError, at once."""
    car.stop()
    with pytest.raises(ActorDeadError):
        car.proxy()


def test_pykkas_own_proxy_works(car: ActorRef[Car]) -> None:
    """Of programs that import `ActorProxy` from pykka."""
    proxy: Any = pykka.ActorProxy[Any](actor_ref=car)
    assert proxy.wheels.get() == 4
    assert proxy.honk(2).get() == "tuttut"
    assert proxy.engine.faster().get() == 4
    proxy.wheels = 5
    assert proxy.wheels.get() == 5
    assert {"wheels", "honk", "engine"} <= set(dir(proxy))
    proxy.late = 1
    assert proxy.late.get() == 1
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = proxy.missing


def test_pykkas_own_proxy_equals_ours_and_may_be_sent(car: ActorRef[Car]) -> None:
    """It arrives as ours."""
    proxy: Any = pykka.ActorProxy[Any](actor_ref=car)
    ours: Any = car.proxy()
    assert proxy == ours == pykka.ActorProxy[Any](actor_ref=car)
    assert hash(proxy) == hash(ours)
    assert proxy.engine == ours.engine != proxy
    [arrived] = Worker.start().ask(("log", proxy.engine))
    assert arrived == ours.engine
    assert isinstance(arrived, ActorProxy)
    assert arrived.speed.get() == 3


def test_pykkas_own_proxy_of_an_actor_that_is_gone(car: ActorRef[Car]) -> None:
    """Says so, as ours does."""
    car.stop()
    with pytest.raises(ActorDeadError, match="not found"):
        pykka.ActorProxy[Any](actor_ref=car)
